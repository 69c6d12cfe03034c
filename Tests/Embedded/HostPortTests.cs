using Loire.Embedded;
using Shouldly;
using Xunit;

namespace Loire.Tests.Embedded;

public sealed class HostPortTests
{
    [Theory]
    [InlineData("localhost:9092", "localhost", 9092)]
    [InlineData("127.0.0.1:0", "127.0.0.1", 0)]
    [InlineData("[::1]:9092", "::1", 9092)]
    [InlineData("*:9092", "*", 9092)]
    public void An_address_is_read_and_written_back(string text, string host, int port)
    {
        var address = HostPort.Parse(text);
        address.ShouldBe(new HostPort(host, port));
        address.ToString().ShouldBe(text);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData(":9092")]
    [InlineData("localhost:")]
    [InlineData("localhost:http")]
    [InlineData("localhost:65536")]
    [InlineData("::1:9092")]
    public void What_is_no_address_is_refused_by_name(string text) =>
        Should.Throw<FormatException>(() => HostPort.Parse(text)).Message.ShouldContain($"'{text}'");
}
