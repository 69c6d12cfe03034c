using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Loire.Bench.Report;

namespace Loire.Bench.Measurements;

/// <summary>What BenchmarkDotNet's memory column says of <see cref="RequestBenchmarks"/>, and what of it each further
/// record of a batch costs.</summary>
public static class Allocations
{
    /// <summary>The smallest object takes 24 bytes: one per record could not hide below this.</summary>
    private static readonly Aim NothingPerRecord = Aim.AtMost(1);

    public static Task RunAsync(BenchRun run)
    {
        run.Report.Begin("allocations: bytes the broker allocates per request of one batch");
        var job = Job.Default
            .WithToolchain(InProcessEmitToolchain.Instance)
            .WithInvocationCount(run.Options.Quick ? 256 : 1_024)
            .WithUnrollFactor(1)
            .WithWarmupCount(5)
            .WithIterationCount(run.Options.Quick ? 3 : 10);
        var config = ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddLogger(NullLogger.Instance)
            .WithArtifactsPath(Path.Combine(Path.GetTempPath(), "loire-bench-artifacts"));
        var summary = BenchmarkRunner.Run<RequestBenchmarks>(config);
        foreach (var request in summary.Reports.GroupBy(report => report.BenchmarkCase.Descriptor.WorkloadMethod.Name))
        {
            var allocated = request.ToDictionary(
                report => (int)report.BenchmarkCase.Parameters[nameof(RequestBenchmarks.Records)],
                report => (double)report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase)!.Value);
            Add(run, request.Key, allocated);
        }

        return Task.CompletedTask;
    }

    private static void Add(BenchRun run, string request, Dictionary<int, double> allocated)
    {
        foreach (var (records, bytes) in allocated.OrderBy(entry => entry.Key))
        {
            run.Report.Add($"{request}, {records:N0} records of 1 KB", bytes, "B");
        }

        var (fewest, most) = (allocated.Keys.Min(), allocated.Keys.Max());
        var perRecord = (allocated[most] - allocated[fewest]) / (most - fewest);
        run.Report.Add($"{request}, each further record", Math.Max(0, perRecord), "B", NothingPerRecord);
    }
}
