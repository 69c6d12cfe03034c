using System.Reflection;
using Loire.Tests.Repo;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster;

/// <summary>The page that says which tests of the cluster there are and how they last went.</summary>
public sealed class DocsTests
{
    [Fact]
    public async Task The_page_of_cluster_tests_lists_every_test_and_the_version_of_Orleans()
    {
        var page = await File.ReadAllTextAsync(
            Path.Combine(Repository.Root, "docs", "cluster-tests.md"), TestContext.Current.CancellationToken);
        var missing = typeof(DocsTests).Assembly.GetExportedTypes()
            .SelectMany(type => type.GetMethods().Where(method => method.GetCustomAttribute<FactAttribute>() is not null)
                .Select(method => $"{type.FullName!["Loire.Tests.Cluster.".Length..]}.{method.Name}"))
            .Where(test => !page.Contains($"| {test} |", StringComparison.Ordinal)
                && !page.Contains($"| {test}(", StringComparison.Ordinal));
        missing.ShouldBeEmpty("run LOIRE_WRITE_DOCS=1 ./test where PostgreSQL and the Orleans packages are to be had");

        var orleans = typeof(Grain).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        page.ShouldContain($"Orleans {orleans.Split(' ', '+')[0].TrimEnd('.')}");
    }
}
