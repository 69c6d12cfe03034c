using Loire.Hosting;
using Loire.Silo;

return await HostProgram.RunAsync(args, SiloSettings.Usage, async (configuration, logs, stop) =>
{
    var settings = Configuration.Read(configuration, SiloSettings.Default, SiloSettings.Readers);
    await using var services = await HostServices.StartAsync(configuration, settings.Host, logs, stop);
    return await SiloHost.RunAsync(settings, services);
});
