namespace Loire.Protocol.Wire;

public ref struct WireReader
{
}
