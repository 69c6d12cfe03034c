using System.Net;
using Loire.Bench.Processes;
using Loire.Silo.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Orleans.Configuration;
using Orleans.Storage;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Postgres;

/// <summary>Orleans' own providers on our tables.</summary>
public sealed class PostgresProvidersTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    private const string StorageName = "tested";
    private static readonly GrainType Type = GrainType.Create("topic");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_state_is_read_as_it_was_written_and_a_late_writer_is_refused()
    {
        await using var database = await PreparedAsync();
        using var silo = await StartSiloAsync(database, 1);
        var storage = silo.Services.GetRequiredKeyedService<IGrainStorage>(StorageName);
        var id = GrainId.Create(Type, "orders");

        var first = new GrainState<Stored>(new Stored("one"));
        await storage.WriteStateAsync("state", id, first);
        var second = new GrainState<Stored>(new Stored("two"));
        await Should.ThrowAsync<InconsistentStateException>(() => storage.WriteStateAsync("state", id, second));

        await storage.ReadStateAsync("state", id, second);
        second.State.ShouldNotBeNull().Value.ShouldBe("one");
        second.State = new Stored("two");
        await storage.WriteStateAsync("state", id, second);
        await Should.ThrowAsync<InconsistentStateException>(() => storage.WriteStateAsync("state", id, first));

        await storage.ClearStateAsync("state", id, second);
        await storage.ReadStateAsync("state", id, second);
        second.RecordExists.ShouldBeFalse();
        second.State = new Stored("three");
        await storage.WriteStateAsync("state", id, second);
        await silo.StopAsync(Cancelled);
    }

    [Fact]
    public async Task Of_two_first_writers_one_wins()
    {
        await using var database = await PreparedAsync();
        using var silo = await StartSiloAsync(database, 1);
        var storage = silo.Services.GetRequiredKeyedService<IGrainStorage>(StorageName);
        for (var round = 0; round < 20; round++)
        {
            var id = GrainId.Create(Type, "topic-" + round);
            var writers = await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => TryWriteAsync(storage, id, "writer " + writer)));
            writers.Count(won => won).ShouldBe(1);
        }

        await silo.StopAsync(Cancelled);
    }

    [Fact]
    public async Task Keys_that_look_like_one_number_are_kept_apart()
    {
        await using var database = await PreparedAsync();
        using var silo = await StartSiloAsync(database, 1);
        var storage = silo.Services.GetRequiredKeyedService<IGrainStorage>(StorageName);
        string[] keys =
        [
            "1", "01", "a", "A", "a+b", "0a+b", "00000000000000000000000000000001",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ];
        foreach (var key in keys)
            await storage.WriteStateAsync("state", GrainId.Create(Type, key), new GrainState<Stored>(new Stored(key)));
        foreach (var key in keys)
        {
            var read = new GrainState<Stored>();
            await storage.ReadStateAsync("state", GrainId.Create(Type, key), read);
            read.State.ShouldNotBeNull().Value.ShouldBe(key);
        }

        await silo.StopAsync(Cancelled);
    }

    [Fact]
    public async Task Silos_find_each_other_and_leave()
    {
        await using var database = await PreparedAsync();
        using var first = await StartSiloAsync(database, 1);
        using var second = await StartSiloAsync(database, 2);
        var management = first.Services.GetRequiredService<IGrainFactory>().GetGrain<IManagementGrain>(0);
        (await management.GetHosts(onlyActive: true, Cancelled)).Count.ShouldBe(2);
        await second.StopAsync(Cancelled);
        (await management.GetHosts(onlyActive: true, Cancelled)).Count.ShouldBe(1);
        await first.StopAsync(Cancelled);
    }

    private async Task<NpgsqlDataSource> PreparedAsync()
    {
        var database = await postgres.NewDatabaseAsync();
        await PostgresFixture.Schema(database).PrepareAsync(Cancelled);
        return database;
    }

    private static async Task<bool> TryWriteAsync(IGrainStorage storage, GrainId id, string value)
    {
        try
        {
            await storage.WriteStateAsync("state", id, new GrainState<Stored>(new Stored(value)));
            return true;
        }
        catch (InconsistentStateException)
        {
            return false;
        }
    }

    private static async Task<IHost> StartSiloAsync(NpgsqlDataSource database, int number)
    {
        var host = new HostBuilder()
            .UseOrleans((_, silo) =>
            {
                silo.UsePostgres(database, StorageName);
                silo.Configure<ClusterOptions>(cluster => cluster.ClusterId = cluster.ServiceId = "loire");
                silo.Configure<SiloOptions>(options => options.SiloName = "broker-" + number);
                silo.ConfigureEndpoints(IPAddress.Loopback, LoopbackPort.Free(), LoopbackPort.Free());
            })
            .Build();
        await host.StartAsync(Cancelled);
        return host;
    }
}

[GenerateSerializer]
internal sealed record Stored([property: Id(0)] string Value);
