namespace Loire.Grains;

/// <summary>Where controllers keep their state.</summary>
public static class LoireStorage
{
    /// <summary>The name of the grain storage provider.</summary>
    public const string Name = "loire";
}
