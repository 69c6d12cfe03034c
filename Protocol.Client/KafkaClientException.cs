namespace Loire.Protocol.Client;

/// <summary>A broker refused a request, could not be reached or did not answer.</summary>
public sealed class KafkaClientException : Exception
{
    private readonly bool _isFinal;

    public KafkaClientException(ErrorCode error, string message)
        : base(message)
    {
        Error = error;
    }

    private KafkaClientException(ErrorCode error, string message, bool isFinal)
        : this(error, message)
    {
        _isFinal = isFinal;
    }

    private KafkaClientException(string message, Exception? cause)
        : base(message, cause)
    {
        Error = ErrorCode.NetworkException;
        IsUnreachable = true;
    }

    /// <summary>What the broker answered; <see cref="ErrorCode.NetworkException"/> where nothing came.</summary>
    public ErrorCode Error { get; }

    /// <summary>The broker could not be reached or did not answer in time.</summary>
    public bool IsUnreachable { get; }

    public bool IsRetriable => !_isFinal && Error.IsRetriable();

    /// <exception cref="KafkaClientException">The code is an error.</exception>
    public static void ThrowIfError(ErrorCode error, string? detail, string subject)
    {
        if (error != ErrorCode.None)
            throw Of(error, detail, subject);
    }

    /// <summary>What a broker refused, and why.</summary>
    /// <param name="detail">In the broker's words, where it has any.</param>
    public static KafkaClientException Of(ErrorCode error, string? detail, string subject) =>
        new(error, $"{subject}: {(string.IsNullOrEmpty(detail) ? error.Explain() : detail)}");

    /// <summary>An error that would pass elsewhere, but not here.</summary>
    internal static KafkaClientException Final(ErrorCode error, string message) => new(error, message, isFinal: true);

    internal static KafkaClientException Unreachable(string message, Exception? cause = null) => new(message, cause);
}
