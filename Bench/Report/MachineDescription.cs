using System.Globalization;
using System.Runtime.InteropServices;

namespace Loire.Bench.Report;

/// <summary>What was measured on: figures of two machines cannot be compared without it.</summary>
public sealed record MachineDescription(
    DateTimeOffset Date, string Processor, int Cores, double MemoryGb, string System, string Runtime, string DataVolume)
{
    public static MachineDescription OfThisMachine(string dataDirectory) => new(
        TimeProvider.System.GetUtcNow(),
        ProcessorName(),
        Environment.ProcessorCount,
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9,
        RuntimeInformation.OSDescription,
        RuntimeInformation.FrameworkDescription,
        VolumeOf(dataDirectory));

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Date:yyyy-MM-dd HH:mm} UTC, {Cores} cores of {Processor}, {MemoryGb:N1} GB memory, data on {DataVolume}, {Runtime}, {System}");

    private static string ProcessorName()
    {
        const string Key = "model name";
        var line = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal))
            : null;
        return line is null ? RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':') + 1)..].Trim();
    }

    private static string VolumeOf(string directory)
    {
        var volume = DriveInfo.GetDrives()
            .Where(drive => Path.GetFullPath(directory).StartsWith(drive.Name, StringComparison.Ordinal))
            .MaxBy(drive => drive.Name.Length);
        return volume is null ? "an unknown volume" : $"{volume.DriveFormat} ({volume.Name})";
    }
}
