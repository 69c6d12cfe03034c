using Loire.Embedded;
using Loire.Hosting;

var usage = new HostUsage(
    $"""
    Usage: loire-standalone [OPTION VALUE]...

    {HostUsage.CommonHelp}

    {HostUsage.WhereSettingsStand}
    """,
    HostUsage.CommonOptions);

return await HostProgram.RunAsync(args, usage, async (configuration, logs, stop) =>
{
    var settings = Configuration.Read(configuration, HostSettings.Default, HostSettings.Readers);
    await using var host = await HostServices.StartAsync(configuration, settings, logs, stop);
    var broker = await BrokerHost.StartAsync(settings.Broker, host.Logs, TimeProvider.System, stop.Token);
    await using (broker)
    {
        host.Health.Warning = () => broker.Damage;
        host.Health.Ready(() => broker.Failure);
        host.AnnounceReady(broker.Address, broker.DataDirectory);
        await stop.WaitAsync();
        host.Health.Stop();
    }

    host.Announcer.Stopped();
    return broker.Failure is null ? HostProgram.Done : HostProgram.Failed;
});
