using System.CommandLine;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Compression;
using Loire.Protocol.Records;

namespace Loire.Cli.Shared;

internal static class CommandExtensions
{
    /// <summary>Gives a command its action. Errors that a user can do something about become one line and an exit code;
    /// others are bugs and show themselves in full.</summary>
    public static Command Runs(this Command command, Func<CommandContext, Task> action)
    {
        command.SetAction(async (arguments, cancelled) =>
        {
            await using var context = new CommandContext(arguments, cancelled);
            try
            {
                await PrintAsync(context, action);
                return ExitCode.Done;
            }
            catch (IOException exception) when (StandardOutput.IsReaderGone(exception))
            {
                // Whoever read the output has what it wanted.
                return ExitCode.Done;
            }
            catch (KafkaClientException exception)
            {
                context.Output.Error(exception.Message);
                return exception.IsUnreachable ? ExitCode.Unreachable : ExitCode.Refused;
            }
            catch (CliException exception)
            {
                context.Output.Error(exception.Message);
                return exception.ExitCode;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException
                or RecordsException or CompressionException or CodecUnavailableException)
            {
                context.Output.Error(exception.Message);
                return ExitCode.Refused;
            }
            catch (OperationCanceledException) when (cancelled.IsCancellationRequested)
            {
                context.Output.Error("Interrupted.");
                return ExitCode.Refused;
            }
        });
        return command;
    }

    private static async Task PrintAsync(CommandContext context, Func<CommandContext, Task> action)
    {
        try
        {
            await action(context);
        }
        finally
        {
            await context.Output.Writer.FlushAsync(CancellationToken.None);
        }
    }

    /// <summary>The partitions of a topic that exists.</summary>
    public static async Task<List<TopicPartition>> GetPartitionsAsync(this CommandContext context, TopicName topic)
    {
        var found = await context.Client.GetTopicAsync(topic, context.Cancelled);
        return [.. found.Partitions.Select(partition => new TopicPartition(topic, partition.PartitionIndex))];
    }

    /// <summary>Some partitions of a topic that exists; all where none is named.</summary>
    /// <exception cref="CliException">The topic has no such partition.</exception>
    public static async Task<List<TopicPartition>> GetPartitionsAsync(
        this CommandContext context, TopicName topic, IReadOnlyCollection<int> wanted)
    {
        var all = await context.GetPartitionsAsync(topic);
        foreach (var index in wanted.Where(index => !all.Exists(partition => partition.Partition.Value == index)))
            throw new CliException(ExitCode.Refused, $"Topic {topic} has {all.Count} partitions; there is no partition {index}.");
        return wanted.Count == 0 ? all : all.FindAll(partition => wanted.Contains(partition.Partition.Value));
    }
}
