namespace Loire.Protocol.Wire;

public ref struct WireWriter
{
}
