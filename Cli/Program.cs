using System.CommandLine;
using Loire.Cli;

return await LoireCommand.RunAsync(args, new InvocationConfiguration());
