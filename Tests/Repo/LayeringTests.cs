using System.Text.RegularExpressions;
using System.Xml.Linq;
using Shouldly;
using Xunit;

namespace Loire.Tests.Repo;

/// <summary>Who may know whom. Arrows only point downwards; see ARCHITECTURE.md.</summary>
public sealed partial class LayeringTests
{
    private static readonly Dictionary<string, string[]> AllowedProjects = new(StringComparer.Ordinal)
    {
        ["Protocol.Generator"] = [],
        ["Protocol"] = ["Protocol.Generator"],
        ["Protocol.Client"] = ["Protocol"],
        ["Broker"] = ["Protocol"],
        ["Log"] = ["Broker", "Protocol"],
        ["Simulation"] = ["Broker", "Protocol"],
        ["Embedded"] = ["Broker", "Log", "Protocol"],
        ["Hosting"] = ["Embedded", "Broker", "Log", "Protocol"],
        ["Standalone"] = ["Hosting", "Embedded", "Broker", "Log", "Protocol"],
        ["Cluster"] = ["Broker", "Protocol.Client", "Protocol"],
        ["Grains.Interfaces"] = [],
        ["Grains"] = ["Cluster", "Embedded", "Grains.Interfaces", "Broker", "Log", "Protocol"],
        ["Postgres"] = [],
        ["Silo"] = ["Grains", "Hosting", "Postgres"],
        ["Client"] = ["Grains.Interfaces", "Protocol"],
        ["Cli"] = ["Protocol.Client", "Protocol", "Log"],
    };

    private static readonly Dictionary<string, string[]> AllowedPackages = new(StringComparer.Ordinal)
    {
        ["Protocol.Generator"] = [],
        ["Protocol"] = ["IronSnappy"],
        ["Protocol.Client"] = [],
        ["Broker"] = [],
        ["Log"] = ["Microsoft.FASTER.Core", "System.Interactive.Async"],
        ["Simulation"] = [],
        ["Embedded"] = [],
        ["Hosting"] = ["OpenTelemetry.Exporter.OpenTelemetryProtocol", "OpenTelemetry.Extensions.Hosting"],
        ["Standalone"] = [],
        ["Cluster"] = [],
        ["Grains.Interfaces"] = ["Microsoft.Orleans.Sdk"],
        ["Grains"] = ["Microsoft.Orleans.Server"],
        ["Postgres"] = ["Microsoft.Orleans.Client", "Microsoft.Orleans.Clustering.AdoNet", "Npgsql"],
        ["Client"] = ["Microsoft.Orleans.Client", "Microsoft.Orleans.Streaming"],
    };

    public static TheoryData<string> Projects => [.. AllowedProjects.Keys];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_only_what_lies_below_it(string project)
    {
        var document = Load(project);
        References(document, "ProjectReference")
            .Select(path => Path.GetFileNameWithoutExtension(path.Replace('\\', '/')))
            .ShouldBeSubsetOf(AllowedProjects[project]);
        if (AllowedPackages.TryGetValue(project, out var packages))
        {
            References(document, "PackageReference").ShouldBeSubsetOf(packages);
        }
    }

    [Fact]
    public void Every_project_is_in_the_solution_and_those_without_Orleans_are_in_the_filter()
    {
        var solution = Repository.Read("Orleans.sln");
        var filter = Repository.Read("Standalone.slnf");
        var projects = Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetFileName(file)).ToList();
        projects.Count.ShouldBeGreaterThan(8);
        foreach (var project in projects)
        {
            solution.ShouldContain(project);
            if (!NeedsOrleans(Path.GetFileNameWithoutExtension(project), []))
            {
                filter.ShouldContain(project);
            }
        }
    }

    [Fact]
    public void Cores_neither_wait_nor_lock()
    {
        var cores = Repository.SourceFiles().Where(file => file.EndsWith("Core.cs", StringComparison.Ordinal)).ToList();
        cores.Count.ShouldBeGreaterThanOrEqualTo(2);
        foreach (var core in cores)
        {
            Waiting().Matches(Repository.Read(core)).Select(match => $"{core}: {match.Value}").ShouldBeEmpty();
        }
    }

    [GeneratedRegex(@"\b(await|async)\b(?=[^/\n]*[;({])|\block \(|\bTask\.Run\b|\bMonitor\.|\bSemaphoreSlim\b")]
    private static partial Regex Waiting();

    private static bool NeedsOrleans(string project, HashSet<string> seen)
    {
        if (!seen.Add(project))
        {
            return false;
        }

        var document = Load(project);
        return References(document, "PackageReference").Any(id => id.StartsWith("Microsoft.Orleans", StringComparison.Ordinal))
            || References(document, "ProjectReference")
                .Any(path => NeedsOrleans(Path.GetFileNameWithoutExtension(path.Replace('\\', '/')), seen));
    }

    private static XDocument Load(string project) =>
        XDocument.Load(Path.Combine(Repository.Root, project, project + ".csproj"));

    private static List<string> References(XDocument document, string kind) =>
        document.Descendants(kind).Select(element => (string?)element.Attribute("Include")).OfType<string>().ToList();
}
