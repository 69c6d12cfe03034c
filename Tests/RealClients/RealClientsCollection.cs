using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>Real clients and brokers are processes of their own and share two cores: one test at a time.</summary>
[CollectionDefinition(nameof(RealClients), DisableParallelization = true)]
public sealed class RealClientsCollection;
