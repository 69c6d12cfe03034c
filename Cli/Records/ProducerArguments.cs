using System.CommandLine;
using System.CommandLine.Parsing;
using Loire.Cli.Shared;
using Loire.Protocol.Client;
using Loire.Protocol.Compression;
using Loire.Protocol.Records;

namespace Loire.Cli.Records;

/// <summary>The options of commands that produce.</summary>
internal static class ProducerArguments
{
    public static readonly Option<CompressionCodec> Codec = CreateCodec();

    public static readonly Option<short?> Acks = CreateAcks();

    private const short AllReplicas = -1;

    public static readonly Option<bool?> Idempotent = new("--idempotent")
    {
        Description = "Let the broker tell repeated batches, so that retries neither repeat nor reorder records; goes with acks=all "
            + "alone, and there it is the default",
    };

    public static readonly Option<double> LingerMs = new Option<double>("--linger-ms")
    {
        Description = "How long a batch waits for company; 0: only while another one is under way",
        DefaultValueFactory = _ => 5,
    }.Within(0.0, Bounds.TimeMax.TotalMilliseconds);

    public static ProducerOptions Read(CommandContext context)
    {
        var acks = context.Get(Acks) ?? AllReplicas;
        if (context.Get(Idempotent) == true && acks != AllReplicas)
            throw new CliException(ExitCode.Usage, "--idempotent needs --acks all.");
        return new ProducerOptions
        {
            Codec = context.Get(Codec),
            Acks = acks,
            IsIdempotent = context.Get(Idempotent) ?? acks == AllReplicas,
            Linger = TimeSpan.FromMilliseconds(context.Get(LingerMs)),
            DeliveryTimeout = context.Timeout,
        };
    }

    private static Option<CompressionCodec> CreateCodec()
    {
        var names = Enum.GetValues<CompressionCodec>().ToDictionary(codec => codec.Name());
        return new Option<CompressionCodec>("--codec", "-z")
        {
            Description = "Compression: " + string.Join(", ", names.Keys),
            CustomParser = result => Choose(result, names),
        };
    }

    private static Option<short?> CreateAcks()
    {
        var names = new Dictionary<string, short>(StringComparer.Ordinal) { ["0"] = 0, ["1"] = 1, ["all"] = AllReplicas };
        return new Option<short?>("--acks")
        {
            Description = "Who must have a record before it counts: 0 nobody, 1 the leader, all every in-sync replica, the default",
            CustomParser = result => Choose(result, names),
        };
    }

    private static T? Choose<T>(ArgumentResult result, Dictionary<string, T> names)
    {
        var text = result.Tokens.Single().Value;
        if (names.TryGetValue(text, out var value))
            return value;
        result.AddError($"'{text}' is none of {string.Join(", ", names.Keys)}.");
        return default;
    }
}
