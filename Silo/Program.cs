Console.Error.WriteLine("loire-silo: not built yet");
return 1;
