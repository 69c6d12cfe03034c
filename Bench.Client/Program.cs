using System.Globalization;
using Loire.Bench.Client;

// Run by ./bench client, which turns each line into a figure of its report.
if (args is not [var directory, var secondsText])
{
    Console.Error.WriteLine("usage: Loire.Bench.Client DATA-DIRECTORY SECONDS (see ./bench --help)");
    return 2;
}

var duration = TimeSpan.FromSeconds(int.Parse(secondsText, CultureInfo.InvariantCulture));
await using var broker = await OneSilo.StartAsync(directory);
await AppendCosts.MeasureAsync(broker);
await Throughput.MeasureAsync(broker, duration);
return 0;
