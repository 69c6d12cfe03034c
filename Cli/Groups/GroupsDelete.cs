using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cli.Groups;

/// <summary><c>loire groups delete GROUP...</c></summary>
internal static class GroupsDelete
{
    private static readonly Argument<string[]> Groups = new("groups")
    {
        Description = "The groups' ids",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Command Create() =>
        new Command("delete", "Delete groups that have no members, with their offsets") { Groups }.Runs(async context =>
        {
            var deletions = new Deletions();
            foreach (var id in context.Get(Groups).Select(name => new GroupId(name)))
            {
                try
                {
                    await context.Client.RetryAsync(cancelled => DeleteAsync(context, id, cancelled), context.Cancelled);
                    deletions.Add(id.Value);
                }
                catch (KafkaClientException refusal)
                {
                    deletions.Refuse(id.Value, refusal);
                }
            }
            deletions.Report(context.Output);
        });

    private static async Task<ErrorCode> DeleteAsync(CommandContext context, GroupId id, CancellationToken cancellationToken)
    {
        var coordinator = await context.Client.GetCoordinatorConnectionAsync(id, cancellationToken);
        var response = await coordinator.SendAsync<DeleteGroupsRequest, DeleteGroupsResponse>(
            new DeleteGroupsRequest { GroupsNames = [id] }, cancellationToken);
        var error = response.Results.Single().ErrorCode;
        KafkaClientException.ThrowIfError(error, detail: null, $"Group {id}");
        return error;
    }
}
