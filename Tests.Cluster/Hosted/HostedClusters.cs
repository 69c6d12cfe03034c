using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Each test runs three silos or more: one test at a time.</summary>
[CollectionDefinition(nameof(HostedClusters), DisableParallelization = true)]
public sealed class HostedClusters;
