using System.Collections;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using Loire.Embedded;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Loire.Protocol.Wire;
using Loire.Tests.Broker.Gateway;
using Loire.Tests.Fakes;
using Loire.Tests.Protocol;
using Microsoft.Extensions.Logging;
using Shouldly;
using Xunit;

namespace Loire.Tests.Embedded;

/// <summary>Requests that are well-formed and make no sense, of every API and version that the broker says it serves.</summary>
public sealed class HostileRequestTests
{
    private const int Seeds = 24;
    private const int RecordsBefore = 100;

    private static readonly TopicPartition Kept = new(new(HostileValues.KeptTopic), new(0));

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whatever_a_request_asks_for_it_is_answered_in_its_version_and_harms_nobody()
    {
        using var logs = new LogLines();
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(logs).SetMinimumLevel(LogLevel.Trace));
        await using var broker = await EmbeddedBroker.StartAsync(
            new EmbeddedBrokerOptions
            {
                LoggerFactory = loggers,
                // Members may come and go within milliseconds.
                Kafka = new Dictionary<string, string> { ["group.min.session.timeout.ms"] = "0" },
            },
            Cancelled);
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.BootstrapServers });
        var kept = await client.GetTopicAsync(Kept.Topic, Cancelled, allowAutoTopicCreation: true);
        await ProduceAsync(client, 0, RecordsBefore);
        var closed = await AskAllAsync(client, IPEndPoint.Parse(broker.BootstrapServers), new HostileValues(kept.TopicId.Value));

        logs.Errors.ShouldBeEmpty();
        logs.Lines.Count(line => line.Contains("closed, Unanswerable", StringComparison.Ordinal)).ShouldBe(closed);
        await ProduceAsync(client, RecordsBefore, 2 * RecordsBefore);
        (await ReadAsync(client, 2 * RecordsBefore)).ShouldBe(Enumerable.Range(0, 2 * RecordsBefore).Select(Text));
    }

    /// <returns>How many requests were answered by closing the connection.</returns>
    private static async Task<int> AskAllAsync(KafkaClient client, IPEndPoint address, HostileValues values)
    {
        var (closed, asked, round) = (0, 0, -1);
        var apis = await ServedAsync(address);
        var connection = new RawClient(address);
        try
        {
            foreach (var request in Requests(apis, values))
            {
                asked++;
                if (round != request.Seed) await client.GetMetadataAsync([new(HostileValues.OtherTopic)], true, Cancelled);
                round = request.Seed;
                if (await IsAnsweredAsync(connection, request, values)) continue;
                closed++;
                connection.Dispose();
                connection = new RawClient(address);
            }
        }
        finally
        {
            connection.Dispose();
        }

        asked.ShouldBeGreaterThan(Seeds * 150);
        return closed;
    }

    /// <summary>All versions of all APIs, seed by seed, so that each finds what the others left; the last with long
    /// arrays.</summary>
    private static IEnumerable<HostileRequest> Requests(List<ApiVersionsResponse.ApiVersion> apis, HostileValues values)
    {
        for (var seed = 0; seed <= Seeds; seed++)
        {
            foreach (var served in apis)
            {
                var key = (ApiKey)served.ApiKey;
                var api = MessageCatalog.Find(key)!;
                var isLast = seed == Seeds;
                var sampler = new SchemaSampler(api.Request.Name, (field, type, random) => values.Choose(key, field, type, random))
                {
                    ElementsMax = isLast ? 30 : 3,
                };
                var lowest = isLast ? served.MaxVersion : Math.Max(served.MinVersion, api.Request.LowestVersion);
                for (var version = lowest; version <= served.MaxVersion; version++)
                {
                    var body = sampler.Sample((seed * 10_000) + (served.ApiKey * 100) + version, version, unknownTags: seed % 4 == 0);
                    yield return new HostileRequest(api, version, seed, body);
                }
            }
        }
    }

    /// <returns>False where the broker closed the connection instead, as it may do where no answer is asked for.</returns>
    private static async Task<bool> IsAnsweredAsync(RawClient connection, HostileRequest request, HostileValues values)
    {
        var isOneWay = MessageCodec.Read(request.Api.Request.Name, request.Body, request.Version) is ProduceRequest { Acks: 0 };
        await connection.SendAsync(RawClient.Frame(request.Api.Request, request.Version, request.Seed, request.Body));
        try
        {
            if (isOneWay)
            {
                await connection.SendAsync(RawClient.Frame(new ApiVersionsRequest(), version: 0, request.Seed));
                await connection.ReceiveAsync<ApiVersionsResponse>(version: 0);
                return true;
            }

            var (correlationId, response) = await connection.ReceiveAsync(request.Api, request.Version);
            correlationId.ShouldBe(request.Seed, request.ToString());
            Errors(response).ShouldNotContain(ErrorCode.UnknownServerError, request.ToString());
            if (response is JoinGroupResponse { MemberId: { Length: > 0 } member }) values.AddMember(member);
            return true;
        }
        catch (IOException) when (isOneWay)
        {
            return false;
        }
        catch (Exception failure) when (failure is IOException or WireFormatException)
        {
            throw new InvalidOperationException($"{request} got no answer that could be read", failure);
        }
    }

    /// <summary>The error codes anywhere in a message.</summary>
    private static IEnumerable<ErrorCode> Errors(object? value) => value switch
    {
        ErrorCode error => [error],
        string or null => [],
        IList elements => elements.Cast<object?>().SelectMany(Errors),
        _ when value.GetType().Namespace == typeof(MessageCatalog).Namespace =>
            value.GetType().GetProperties().Where(p => p.GetMethod is { IsStatic: false }).SelectMany(p => Errors(p.GetValue(value))),
        _ => [],
    };

    private static async Task<List<ApiVersionsResponse.ApiVersion>> ServedAsync(IPEndPoint address)
    {
        using var connection = new RawClient(address);
        await connection.SendAsync(RawClient.Frame(new ApiVersionsRequest(), version: 0, correlationId: 1));
        return (await connection.ReceiveAsync<ApiVersionsResponse>(version: 0)).Response.ApiKeys;
    }

    private static async Task ProduceAsync(KafkaClient client, int from, int to)
    {
        await using var producer = await Producer.CreateAsync(client, new ProducerOptions(), Cancelled);
        var reports = new ConcurrentBag<DeliveryReport>();
        producer.OnDelivery = reports.Add;
        for (var number = from; number < to; number++)
        {
            await producer.AppendAsync(
                Kept.Topic, Kept.Partition, key: null, Encoding.UTF8.GetBytes(Text(number)), ReadOnlyMemory<RecordHeader>.Empty,
                timestampMs: 1, Cancelled);
        }

        await producer.FlushAsync(Cancelled);
        reports.ShouldAllBe(report => report.Failure == null);
        reports.Sum(report => report.RecordsCount).ShouldBe(to - from);
    }

    private static async Task<List<string>> ReadAsync(KafkaClient client, int count)
    {
        var fetcher = new Fetcher(client, new FetcherOptions());
        fetcher.Assign(Kept, new Offset(0));
        var values = new List<string>();
        while (values.Count < count)
        {
            using var result = await fetcher.FetchAsync(Cancelled);
            foreach (var partition in result.Partitions)
                partition.Read((in RecordView record) => values.Add(Encoding.UTF8.GetString(record.Value.Span)));
        }

        return values;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private sealed record HostileRequest(ApiMessages Api, short Version, int Seed, byte[] Body)
    {
        public override string ToString() => $"{Api.ApiKey} v{Version} seed {Seed}";
    }
}
