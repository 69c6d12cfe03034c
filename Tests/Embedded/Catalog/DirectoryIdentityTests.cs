using Loire.Embedded.Engine;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Embedded.Catalog;

public sealed class DirectoryIdentityTests : IDisposable
{
    private readonly string _directory = TestCatalog.NewDirectory();

    private string FilePath => Path.Combine(_directory, DirectoryIdentity.FileName);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_directory_keeps_its_identity()
    {
        var first = DirectoryIdentity.Open(_directory, new NodeId(1));
        DirectoryIdentity.Open(_directory, new NodeId(1)).ShouldBe(first);
        first.ClusterId.Length.ShouldBe(22);
        first.ClusterId.ShouldNotStartWith("-");
        first.DirectoryId.ShouldNotBe(first.ClusterId);
    }

    [Fact]
    public void The_directory_of_another_node_is_refused()
    {
        DirectoryIdentity.Open(_directory, new NodeId(1));
        Should.Throw<DataDirectoryException>(() => DirectoryIdentity.Open(_directory, new NodeId(2)))
            .Message.ShouldContain("belongs to node 1, and this is node 2");
    }

    [Fact]
    public void A_start_that_went_no_further_than_the_catalog_is_taken_up_again()
    {
        CatalogFile.Create(_directory);
        DirectoryIdentity.Open(_directory, new NodeId(1)).NodeId.ShouldBe(new NodeId(1));
    }

    [Fact]
    public async Task Topics_without_an_identity_are_refused()
    {
        await using (var catalog = TestCatalog.Open(_directory))
            await catalog.CreateAsync("orders");
        File.Delete(FilePath);
        Should.Throw<DataDirectoryException>(() => DirectoryIdentity.Open(_directory, TestCatalog.Node))
            .Message.ShouldContain("meta.json beside it is missing");
    }

    [Theory]
    [InlineData("", "cannot be read")]
    [InlineData("{\"format\":1", "cannot be read")]
    [InlineData("{\"format\":1}", "cannot be read")]
    [InlineData("null", "says nothing")]
    [InlineData("""{"format":2,"clusterId":"a","nodeId":1,"directoryId":"b"}""", "has format 2")]
    public void A_file_that_is_not_an_identity_is_refused(string content, string fault)
    {
        File.WriteAllText(FilePath, content);
        Should.Throw<DataDirectoryException>(() => DirectoryIdentity.Open(_directory, new NodeId(1)))
            .Message.ShouldContain(fault);
    }

    [Fact]
    public void A_members_directory_remembers_its_cluster_once_it_has_joined()
    {
        var first = DirectoryIdentity.OpenMember(_directory, new NodeId(1));
        first.ClusterId.ShouldBeEmpty();
        var joined = first.Joined("the cluster");
        joined.ShouldBe(first with { ClusterId = "the cluster" });
        DirectoryIdentity.OpenMember(_directory, new NodeId(1)).ShouldBe(joined);
    }

    [Fact]
    public void A_cluster_and_a_single_broker_do_not_take_each_others_directories()
    {
        DirectoryIdentity.OpenMember(_directory, new NodeId(1)).Joined("the cluster");
        Should.Throw<DataDirectoryException>(() => DirectoryIdentity.Open(_directory, new NodeId(1)))
            .Message.ShouldContain("belongs to a broker of the cluster the cluster");
        var single = Path.Combine(_directory, "single");
        DirectoryIdentity.Open(single, new NodeId(1));
        Should.Throw<DataDirectoryException>(() => DirectoryIdentity.OpenMember(single, new NodeId(1)))
            .Message.ShouldContain("stands alone");
    }

    [Fact]
    public void Records_of_an_unknown_member_are_not_taken_over()
    {
        Directory.CreateDirectory(Path.Combine(_directory, "journal"));
        Should.Throw<DataDirectoryException>(() => DirectoryIdentity.OpenMember(_directory, new NodeId(1)))
            .Message.ShouldContain("meta.json is missing");
    }
}
