namespace Loire.Broker.Configs;

/// <summary>A config's type, by its number in DescribeConfigs.</summary>
public enum ConfigType : sbyte
{
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Password = 9,
}

/// <summary>Where a value in force comes from, by its number in DescribeConfigs.</summary>
public enum ConfigSource : sbyte
{
    TopicConfig = 1,
    DynamicBrokerConfig = 2,
    DynamicDefaultBrokerConfig = 3,
    StaticBrokerConfig = 4,
    DefaultConfig = 5,
}

/// <summary>What setting a config does here.</summary>
public enum ConfigEffect
{
    /// <summary>It changes what the broker does.</summary>
    Honoured,

    /// <summary>It is checked, kept and shown, because tools set it by habit, but Loire's storage has nothing that it
    /// could change.</summary>
    ShownOnly,

    /// <summary>It shows an option of the host under Kafka's name, and is set by that option only.</summary>
    HostOption,
}

/// <summary>What may be done to a config, by its number in IncrementalAlterConfigs (KIP-339).</summary>
public enum ConfigOperation : sbyte
{
    Set = 0,
    Delete = 1,
    Append = 2,
    Subtract = 3,
}
