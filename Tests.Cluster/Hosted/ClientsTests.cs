using System.Text;
using Loire.Client;
using Loire.Protocol;
using Loire.Tests.RealClients;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Kafka clients at every broker and Orleans clients see one and the same cluster.</summary>
[Collection(nameof(HostedClusters))]
public sealed class ClientsTests
{
    private const string Topic = "shared";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_broker_leads_to_the_leaders()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 6);
        var leaders = cluster.Find(Topic)!.Control.Partitions.Select(partition => partition.Leader).ToList();
        leaders.Distinct().Count().ShouldBe(3, "leaders are spread");
        var written = new List<string>();
        foreach (var broker in cluster.Brokers)
        {
            await using var client = cluster.CreateKafkaClient(only: broker);
            var topic = await client.GetTopicAsync(new TopicName(Topic), Cancelled);
            topic.Partitions.ConvertAll(partition => partition.LeaderId).ShouldBe(leaders);
            for (var partition = 0; partition < leaders.Count; partition++)
            {
                written.Add($"{broker.NodeId}-{partition}");
                (await client.ProduceOnceAsync(Topic, written[^1], acks: -1, Cancelled, partition)).ShouldBe(ErrorCode.None);
            }

            (await client.ReadAllAsync(Topic, Cancelled)).ShouldBe(written, ignoreOrder: true);
        }
    }

    [Fact]
    public async Task Kafka_and_Orleans_clients_read_what_the_other_writes()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled);
        await using (var producer = cluster.Client.CreateProducer())
        {
            for (var partition = 0; partition < 3; partition++)
            {
                var value = Encoding.UTF8.GetBytes($"orleans-{partition}");
                await producer.ProduceAsync(Topic, key: null, value, partition: partition, cancellationToken: Cancelled);
            }
        }

        await Clients.ProduceAsync(
            ClientKind.Confluent,
            cluster.Bootstrap,
            Topic,
            Enumerable.Range(0, 3).Select(partition => new Message(null, $"kafka-{partition}", partition)),
            idempotent: true);

        string[] all = ["kafka-0", "kafka-1", "kafka-2", "orleans-0", "orleans-1", "orleans-2"];
        var read = new List<string>();
        await foreach (var batch in cluster.Client.CreateConsumer(Topic, StartPosition.Beginning).WithCancellation(Cancelled))
        {
            read.AddRange(((IEnumerable<ConsumeRecord>)batch).Select(record => Encoding.UTF8.GetString(record.Value!.Value.Span)));
            if (read.Count >= all.Length) break;
        }

        read.Order(StringComparer.Ordinal).ShouldBe(all);
        var byKafka = await Clients.ConsumeAllAsync(cluster.Bootstrap, Topic);
        byKafka.Select(line => Message.Decode(line["value"])).Order(StringComparer.Ordinal).ShouldBe(all);
    }
}
