using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>Many clients at once, and strangers at the door.</summary>
[Collection(nameof(RealClients))]
public sealed class CrowdTests
{
    private const string Topic = "crowd";

    [Fact]
    public async Task Two_hundred_connections_go_on_while_garbage_comes_in()
    {
        const int clients = 200, rounds = 5;
        await using var broker = await BrokerProcess.StartAsync();
        await using var crowd = ClientProcess.Start(ClientKind.KafkaPython, "crowd", new JsonObject
        {
            ["bootstrap"] = broker.Bootstrap,
            ["topic"] = Topic,
            ["count"] = clients,
            ["rounds"] = rounds,
        });
        await crowd.WaitForAsync(line => line["connected"] is not null, "all connected");
        for (var round = 0; round < rounds; round++)
        {
            foreach (var garbage in Garbage())
            {
                (await SendAndReadToEndAsync(broker.Port, garbage)).ShouldBe(0, "garbage is answered by closing its connection");
            }

            await crowd.WaitForAsync(line => line["round"] is not null, "a round");
        }

        await crowd.FinishAsync();
        var read = await Clients.ConsumeAsync(ClientKind.Confluent, broker.Bootstrap, Topic, clients * rounds);
        read.ConvertAll(line => Message.Decode(line["value"])!).Order(StringComparer.Ordinal).ShouldBe(
            Enumerable.Range(0, clients).SelectMany(i => Enumerable.Range(0, rounds), (i, round) => $"{i}-{round}")
                .Order(StringComparer.Ordinal));
    }

    private static IEnumerable<byte[]> Garbage()
    {
        yield return Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        yield return [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
        yield return [0x7f, 0xff, 0xff, 0xff, 0x00];
        yield return [0xff, 0xff, 0xff, 0xff];
        yield return [0, 0, 0, 4, 0xde, 0xad, 0xbe, 0xef];
        yield return [0, 0, 0, 10, 0, 0, 0x7f, 0xff, 0, 0, 0, 1, 0xff, 0xff];
    }

    /// <returns>How many bytes came back before the broker closed the connection.</returns>
    private static async Task<int> SendAndReadToEndAsync(int port, byte[] bytes)
    {
        using var patience = new CancellationTokenSource(Eventually.Patience);
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port, patience.Token);
        var stream = client.GetStream();
        await stream.WriteAsync(bytes, patience.Token);
        var read = 0;
        var buffer = new byte[256];
        try
        {
            for (var got = -1; got != 0; read += got) got = await stream.ReadAsync(buffer, patience.Token);
        }
        catch (IOException)
        {
            // A reset is a closed connection too.
            return read;
        }

        return read;
    }
}
