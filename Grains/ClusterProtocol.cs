namespace Loire.Grains;

/// <summary>What brokers say to each other beyond Kafka's protocol: grain calls, the controllers' documents, tagged fields.
/// Brokers of different levels do not understand each other, and do not run in one cluster.</summary>
/// <param name="Level">Of this silo's program.</param>
internal sealed record ClusterProtocol(int Level)
{
    /// <summary>Raise it with every change that a broker of the level before cannot cope with.</summary>
    public const int CurrentLevel = 2;
}
