using System.Net;
using System.Net.Sockets;
using Loire.Bench.Processes;
using Loire.Embedded;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Tests.Broker.Gateway;
using Shouldly;
using Xunit;

namespace Loire.Tests.Embedded;

public sealed class EmbeddedBrokerTests
{
    private const short MetadataVersion = 9;

    [Fact]
    public async Task A_started_broker_answers_clients_at_the_address_it_advertises()
    {
        await using var broker = await StartAsync();
        using var client = Connect(broker);
        await client.SendAsync(RawClient.Frame(new MetadataRequest { Topics = [] }, MetadataVersion, 1));
        var (_, metadata) = await client.ReceiveAsync<MetadataResponse>(MetadataVersion);
        metadata.Brokers.Select(node => $"{node.Host}:{node.Port}").ShouldBe([broker.BootstrapServers]);
    }

    [Fact]
    public async Task Brokers_of_one_process_share_nothing()
    {
        await using var one = await StartAsync();
        await using var other = await StartAsync();
        one.BootstrapServers.ShouldNotBe(other.BootstrapServers);
        one.DataDirectory.ShouldNotBe(other.DataDirectory);
        await CreateTopicAsync(one, "here");
        (await TopicsAsync(one)).ShouldBe(["here"]);
        (await TopicsAsync(other)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Disposal_leaves_neither_files_nor_a_port()
    {
        string directory;
        IPEndPoint address;

        // A port that the system hands out could be another's at once.
        await using (var broker = await StartAsync(new EmbeddedBrokerOptions { Port = LoopbackPort.Free() }))
        {
            await CreateTopicAsync(broker, "topic");
            directory = broker.DataDirectory;
            address = IPEndPoint.Parse(broker.BootstrapServers);
            Directory.Exists(directory).ShouldBeTrue();
        }

        Directory.Exists(directory).ShouldBeFalse();
        using var listener = new TcpListener(address);
        listener.Start();
    }

    [Fact]
    public async Task A_directory_of_the_callers_own_outlives_the_broker()
    {
        var directory = Directory.CreateTempSubdirectory("loire-test-").FullName;
        try
        {
            var options = new EmbeddedBrokerOptions { DataDirectory = directory };
            await using (var broker = await StartAsync(options)) await CreateTopicAsync(broker, "kept");
            await using var again = await StartAsync(options);
            (await TopicsAsync(again)).ShouldBe(["kept"]);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static Task<EmbeddedBroker> StartAsync(EmbeddedBrokerOptions? options = null) =>
        EmbeddedBroker.StartAsync(options, TestContext.Current.CancellationToken);

    private static RawClient Connect(EmbeddedBroker broker) => new(IPEndPoint.Parse(broker.BootstrapServers));

    private static async Task CreateTopicAsync(EmbeddedBroker broker, string name)
    {
        const short version = 5;
        using var client = Connect(broker);
        var topic = new CreateTopicsRequest.CreatableTopic { Name = new(name), NumPartitions = 1, ReplicationFactor = 1 };
        await client.SendAsync(RawClient.Frame(new CreateTopicsRequest { Topics = [topic], TimeoutMs = 30_000 }, version, 1));
        var (_, response) = await client.ReceiveAsync<CreateTopicsResponse>(version);
        response.Topics.ShouldHaveSingleItem().ErrorCode.ShouldBe(ErrorCode.None);
    }

    private static async Task<IEnumerable<string>> TopicsAsync(EmbeddedBroker broker)
    {
        using var client = Connect(broker);
        await client.SendAsync(RawClient.Frame(new MetadataRequest { Topics = null }, MetadataVersion, 1));
        var (_, metadata) = await client.ReceiveAsync<MetadataResponse>(MetadataVersion);
        return metadata.Topics.Select(topic => topic.Name.ToString()!);
    }
}
