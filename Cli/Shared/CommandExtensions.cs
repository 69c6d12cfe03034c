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
                await action(context);
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

    /// <summary>The partitions of a topic that exists.</summary>
    public static async Task<List<TopicPartition>> GetPartitionsAsync(this CommandContext context, TopicName topic)
    {
        var found = await context.Client.GetTopicAsync(topic, context.Cancelled);
        return [.. found.Partitions.Select(partition => new TopicPartition(topic, partition.PartitionIndex))];
    }
}
