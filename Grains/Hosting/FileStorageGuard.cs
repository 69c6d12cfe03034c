using Loire.Grains.Storage;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace Loire.Grains.Hosting;

/// <summary>Refuses a second broker where the controllers' states lie in files. Each would have states of its own, and a
/// controller that moved to the other silo would not find what it had decided.</summary>
internal sealed class FileStorageGuard(
    IServiceProvider services, IClusterMembershipService membership, ILocalSiloDetails self) : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>The silo stands in the membership, so that of two that start together one sees the other, and no grain is
    /// active on it yet.</summary>
    private const int Stage = ServiceLifecycleStage.BecomeActive - 1;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(FileStorageGuard), Stage, CheckAsync);

    private async Task CheckAsync(CancellationToken cancellationToken)
    {
        if (services.GetRequiredKeyedService<IGrainStorage>(LoireStorage.Name) is not FileGrainStorage) return;
        await membership.Refresh(cancellationToken: cancellationToken);
        var others = membership.CurrentSnapshot.Members.Values.Where(member =>
            member.Status is SiloStatus.Joining or SiloStatus.Active
            && member.Name != self.Name
            && LiveBrokers.BrokerOf(member.Name) is not null);
        if (others.FirstOrDefault() is { } other)
        {
            throw new OrleansConfigurationException(
                $"The cluster has another broker, {other.Name} at {other.SiloAddress.Endpoint}, and the controllers' states of this one "
                + $"lie in files of its own: give all brokers a grain storage named '{LoireStorage.Name}' that they share.");
        }
    }
}
