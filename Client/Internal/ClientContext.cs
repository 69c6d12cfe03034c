using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>What producers, consumers and administration of one client share.</summary>
internal sealed class ClientContext
{
    public ClientContext(ILoireGrains grains, ILoggerFactory loggers, TimeProvider time)
    {
        Grains = grains;
        Time = time;
        Logger = loggers.CreateLogger("Loire.Client");
        Topics = new TopicCache(this);
        ProducerIds = new ProducerIds(this);
    }

    public ILoireGrains Grains { get; }
    public TimeProvider Time { get; }
    public ILogger Logger { get; }
    public TopicCache Topics { get; }
    public ProducerIds ProducerIds { get; }
}
