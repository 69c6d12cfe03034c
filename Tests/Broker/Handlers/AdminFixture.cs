using Loire.Broker.Handlers;
using Loire.Broker.Ports;
using Loire.Embedded.Engine;
using Loire.Protocol.Wire;
using Loire.Tests.Embedded.Catalog;
using Loire.Tests.Fakes;
using Loire.Tests.Protocol;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

/// <summary>The admin handlers over a real catalog with a file of its own, and logs in memory. Every request and response
/// goes through its bytes at the version in use, as on a connection.</summary>
internal sealed class AdminFixture : IAsyncDisposable
{
    private readonly TestCatalog _test;

    public AdminFixture(params (string Name, string Value)[] configs)
    {
        _test = TestCatalog.Create(configs);
        Brokers = new SingleNodeBrokerDirectory(
            new DirectoryIdentity("/data", "cluster-of-the-test-00", TestCatalog.Node, "directory"), "rack-1");
        Brokers.Advertise("broker.example", 21_600);
        Partitions = new SingleNodePartitions(
            Store, TestCatalog.Node, TimeProvider.System, NullLogger<SingleNodePartitions>.Instance);
        _test.Host.OnApply = Partitions.Apply;
    }

    public FakeLogStore Store { get; } = new();
    public SingleNodePartitions Partitions { get; }
    public SingleNodeBrokerDirectory Brokers { get; }
    public SingleNodeTopicCatalog Catalog => _test.Catalog;

    public Task<TopicMetadata> CreateAsync(string name, int partitions = 1, params (string Name, string Value)[] configs) =>
        _test.CreateAsync(name, partitions, configs);

    public async Task<TResponse> SendAsync<TRequest, TResponse>(
        RequestHandler<TRequest, TResponse> handler, int version, TRequest request)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        version.ShouldBeInRange(handler.LowestVersion, handler.HighestVersion);
        var response = await handler.HandleAsync(Context(version), RoundTrip(request, version));
        return RoundTrip(response, version);
    }

    public static RequestContext Context(int version, CancellationToken aborted = default) =>
        new((short)version, 7, "test", new ClientConnection { Id = "c" }, aborted);

    public async ValueTask DisposeAsync()
    {
        await _test.DisposeAsync();
        await Store.DisposeAsync();
    }

    /// <summary>All versions from <paramref name="lowest"/> to <paramref name="highest"/>.</summary>
    public static TheoryData<int> Versions(int lowest, int highest) => [.. Enumerable.Range(lowest, highest - lowest + 1)];

    private static T RoundTrip<T>(T message, int version)
        where T : class, IMessage<T> =>
        (T)MessageCodec.Read(T.Info.Name, MessageCodec.Write(message, (short)version), (short)version);
}
