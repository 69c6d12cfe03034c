// Orleans has an ErrorCode of its own.
global using ErrorCode = Loire.Protocol.ErrorCode;
