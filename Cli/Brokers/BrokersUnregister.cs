using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cli.Brokers;

/// <summary><c>loire brokers unregister ID</c></summary>
internal static class BrokersUnregister
{
    private static readonly Argument<int> Broker = new("id") { Description = "The broker that will not come back" };

    public static Command Create() =>
        new Command("unregister", "Make the cluster forget a broker that is gone for good and holds no replicas") { Broker }.Runs(
            async context =>
            {
                var id = new NodeId(context.Get(Broker));
                var response = await context.Client.SendToControllerAsync<UnregisterBrokerRequest, UnregisterBrokerResponse>(
                    new UnregisterBrokerRequest { BrokerId = id }, context.Cancelled);
                KafkaClientException.ThrowIfError(response.ErrorCode, response.ErrorMessage, $"Unregistering broker {id}");
                context.Output.Note($"Broker {id} is unregistered.");
            });
}
