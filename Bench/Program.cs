using Loire.Bench;
using Loire.Bench.Journal;
using Loire.Bench.Limits;
using Loire.Bench.Measurements;
using Loire.Bench.Processes;
using Loire.Bench.Report;

if (args is [LoadProcess.Argument, var specType, var spec])
{
    LoadProcess.Serve(specType, spec);
    return 0;
}

if (args is ["journal", .. var journalArguments])
    return await JournalBenchmark.RunAsync(journalArguments);

if (args is ["append-until-killed", var victim])
{
    await AppendUntilKilled.RunAsync(victim);
    return 0;
}

if (args.Intersect(["--help", "-h", "help"]).Any())
{
    Console.WriteLine(BenchOptions.Help);
    return 0;
}

if (args is ["sim", .. var simArgs])
{
    return SimulationCommand.Run(simArgs, Console.Out);
}

BenchOptions options;
try
{
    options = BenchOptions.Parse(args, TimeProvider.System.GetUtcNow());
}
catch (ArgumentException e)
{
    Console.Error.WriteLine($"{e.Message}; see ./bench --help");
    return 2;
}

var report = new BenchReport(MachineDescription.OfThisMachine(options.DataDirectory), Console.Out);
var run = new BenchRun(options, report, MachineLimits.Measure(report, options));
foreach (var measurement in Measurement.All.Where(measurement => options.Measurements.Contains(measurement.Name)))
{
    await measurement.RunAsync(run);
}

report.WriteSummary();
report.WriteJson(options.JsonPath);
return 0;
