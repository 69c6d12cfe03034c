using System.Reflection;
using Loire.Grains;
using Loire.Grains.Interfaces;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Serialization;

/// <summary>What silos and clients of different versions say to each other. A line that is gone or different is a break: an
/// id or alias is never changed nor used again.</summary>
public sealed class FrozenTypesTests
{
    [Fact]
    public void Aliases_ids_and_types_of_members_stay_as_they_are()
    {
        using var resource = typeof(FrozenTypesTests).Assembly.GetManifestResourceStream("frozen-types.txt")!;
        var frozen = new StreamReader(resource).ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var now = Describe().ToArray();
        now.Except(frozen).ShouldBeEmpty("New lines belong into frozen-types.txt, changed ones are a break.");
        string.Join('\n', now).ShouldBe(string.Join('\n', frozen));
    }

    [Fact]
    public void Every_interface_every_method_and_every_type_that_is_sent_has_an_alias()
    {
        var nameless = Types().Where(type => AliasOf(type) is null).Select(type => type.FullName)
            .Concat(Types().Where(type => type.IsInterface).SelectMany(type => type.GetMethods())
                .Where(method => AliasOf(method) is null)
                .Select(method => $"{method.DeclaringType}.{method.Name}"));
        nameless.ShouldBeEmpty();
    }

    [Fact]
    public void No_alias_is_used_twice()
    {
        var aliases = Types().Select(type => AliasOf(type)).ToArray();
        aliases.Distinct().Count().ShouldBe(aliases.Length);
    }

    private static IEnumerable<string> Describe() =>
        Types().SelectMany(Describe).Concat(StoredStates()).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Describe(Type type)
    {
        var alias = AliasOf(type)!;
        var methods = !type.IsInterface ? [] : type.GetMethods().Select(method =>
            $"{alias}.{AliasOf(method)}({string.Join(", ", method.GetParameters().Select(parameter => NameOf(parameter.ParameterType)))})"
            + $" {NameOf(method.ReturnType)}");
        return methods.Concat(Members(type).Select(member => $"{alias} {member.Id} {member.Name} {NameOf(member.Type)}")).Prepend(alias);
    }

    /// <summary>Under what names states lie in the storage.</summary>
    private static IEnumerable<string> StoredStates() =>
        typeof(LoireStorage).Assembly.GetTypes()
            .SelectMany(type => type.GetConstructors())
            .SelectMany(constructor => constructor.GetParameters())
            .Select(parameter => (parameter.Member.DeclaringType!, parameter.GetCustomAttribute<PersistentStateAttribute>()!))
            .Where(state => state.Item2 is not null)
            .Select(state => $"stored: {state.Item2.StorageName} {state.Item2.StateName} of {GrainTypeOf(state.Item1)}");

    private static string GrainTypeOf(Type grain) =>
        grain.GetCustomAttribute<GrainTypeAttribute>()!.GetGrainType(null!, grain).ToString();

    private static IEnumerable<Type> Types() =>
        new[] { typeof(ITopicGrain).Assembly, typeof(LoireStorage).Assembly }
            .SelectMany(assembly => assembly.GetTypes())
            .Where(type => type.Namespace?.StartsWith("Loire.", StringComparison.Ordinal) == true)
            .Where(type => type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false)
                || (type.IsInterface && typeof(IAddressable).IsAssignableFrom(type)));

    private static IEnumerable<(uint Id, string Name, Type Type)> Members(Type type)
    {
        const BindingFlags Own =
            BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        return type.GetFields(Own).Select(field => (Member: (MemberInfo)field, field.FieldType))
            .Concat(type.GetProperties(Own).Select(property => (Member: (MemberInfo)property, property.PropertyType)))
            .Where(member => member.Member.IsDefined(typeof(IdAttribute)))
            .Select(member => (member.Member.GetCustomAttribute<IdAttribute>()!.Id, member.Member.Name, member.Item2));
    }

    private static string? AliasOf(MemberInfo member) => member.GetCustomAttribute<AliasAttribute>(inherit: false)?.Alias;

    private static string NameOf(Type type) => !type.IsGenericType
        ? type.Name
        : $"{type.Name[..type.Name.IndexOf('`')]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>";
}
