using System.Text;
using Loire.Client;
using Loire.Tests.Cluster.Fakes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Streams;
using Orleans.TestingHost;

namespace Loire.Tests.Cluster.Streams;

/// <summary>Silos with the stream provider over a log in memory that outlives them.</summary>
internal sealed class StreamCluster : IAsyncDisposable
{
    public const string Provider = "events";
    public const string TextProvider = "text";

    private readonly InProcessTestCluster _cluster;

    private StreamCluster(FakeLoire loire, InProcessTestCluster cluster)
    {
        Loire = loire;
        _cluster = cluster;
    }

    public FakeLoire Loire { get; }

    public InProcessTestCluster Cluster => _cluster;

    public IGrainFactory Grains => _cluster.Client;

    public static async Task<StreamCluster> StartAsync(
        short silos = 1, Action<LoireStreamOptions>? configure = null, FakeLoire? loire = null, bool keepsSubscriptions = true)
    {
        loire ??= new FakeLoire();
        var builder = new InProcessTestClusterBuilder(silos);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton(loire.CreateClient());
            silo.Services.AddKeyedSingleton<IStreamRecordFormat, TextFormat>(TextProvider);
            if (keepsSubscriptions) silo.AddMemoryGrainStorage("PubSubStore");
            silo.AddLoireStreams(Provider, options =>
            {
                options.Topics.Add(ImplicitSubscriberGrain.Topic);
                options.Topics.Add(ExplicitSubscriberGrain.Topic);
                options.PartitionsPerTopic = 4;
                options.CommitInterval = TimeSpan.FromMilliseconds(50);
                configure?.Invoke(options);
            });
            silo.AddLoireStreams(TextProvider, options => options.Topics.Add(ImplicitSubscriberGrain.TextTopic));
        });
        builder.ConfigureClient(client =>
        {
            client.Services.AddSingleton(loire.CreateClient());
            client.AddLoireStreams(Provider);
        });
        var cluster = builder.Build();
        await cluster.DeployAsync();
        return new StreamCluster(loire, cluster);
    }

    public IAsyncStream<string> Stream(string topic, string key) =>
        _cluster.Client.GetStreamProvider(Provider).GetStream<string>(StreamId.Create(topic, key));

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    /// <summary>Plain UTF-8, as other Kafka clients write.</summary>
    private sealed class TextFormat : IStreamRecordFormat
    {
        public ReadOnlyMemory<byte>? Write<T>(T item) => Encoding.UTF8.GetBytes((string)(object)item!);

        public T Read<T>(ReadOnlyMemory<byte> value) => (T)(object)Encoding.UTF8.GetString(value.Span);
    }
}
