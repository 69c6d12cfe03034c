using Loire.Hosting;
using Loire.Postgres;
using Loire.Silo.Postgres;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Postgres;

public sealed class PostgresSchemaTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Silos_that_start_at_once_make_the_tables_once()
    {
        await using var database = await postgres.NewDatabaseAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => PostgresFixture.Schema(database).PrepareAsync(Cancelled)));
        await using var count = database.CreateCommand("SELECT count(*)::integer FROM loire.SchemaVersion");
        (await count.ExecuteScalarAsync(Cancelled)).ShouldBe(1);
    }

    [Fact]
    public async Task A_newer_schema_is_refused()
    {
        await using var database = await postgres.NewDatabaseAsync();
        await PostgresFixture.Schema(database).PrepareAsync(Cancelled);
        await using var raise = database.CreateCommand("UPDATE loire.SchemaVersion SET Version = Version + 1");
        await raise.ExecuteNonQueryAsync(Cancelled);
        var refusal = await Should.ThrowAsync<UsageException>(() => PostgresFixture.Schema(database).PrepareAsync(Cancelled));
        refusal.Message.ShouldContain($"version {PostgresSchema.Version + 1}");
    }

    [Fact]
    public async Task A_wrong_password_and_a_missing_database_say_what_to_do()
    {
        var address = PostgresAddress.Parse(postgres.Server.Address);
        address.Password = "wrong";
        await using var stranger = PostgresDatabase.Open(address, "test");
        (await Should.ThrowAsync<UsageException>(() => PostgresFixture.Schema(stranger).PrepareAsync(Cancelled)))
            .Message.ShouldContain("give the right user and password");

        address = PostgresAddress.Parse(postgres.Server.Address);
        address.Database = "nowhere";
        await using var nowhere = PostgresDatabase.Open(address, "test");
        (await Should.ThrowAsync<UsageException>(() => PostgresFixture.Schema(nowhere).PrepareAsync(Cancelled)))
            .Message.ShouldContain("create the database");
    }

    [Theory]
    [InlineData(
        "postgres://u:p%40ss@db:6432/loire?sslmode=require",
        "Host=db;Database=loire;Port=6432;Username=u;Password=p@ss;SSL Mode=Require")]
    [InlineData("postgresql://db/loire", "Host=db;Database=loire")]
    [InlineData("Host=db;Database=loire;Username=u", "Host=db;Database=loire;Username=u")]
    public void Both_forms_of_an_address_are_read(string text, string expected) =>
        PostgresAddress.Parse(text).ConnectionString.ShouldBe(expected);

    [Theory]
    [InlineData("mysql://u:secret@db/loire", "mysql:// is not postgres://")]
    [InlineData("postgres://u:secret@db/", "names no database")]
    [InlineData("Host=db;Databse=loire;Password=secret", "databse")]
    [InlineData("nonsense", "initialization string")]
    public void What_is_no_address_is_refused_without_its_password(string text, string expected)
    {
        var refusal = Should.Throw<FormatException>(() => PostgresAddress.Parse(text));
        refusal.Message.ToLowerInvariant().ShouldContain(expected);
        refusal.Message.ShouldNotContain("secret");
    }
}
