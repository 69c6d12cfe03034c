namespace Loire.Log;

/// <summary>Finds the log start that retention asks for. Under the partition's lock.</summary>
internal static class Retention
{
    public static long FindStart(
        BatchIndex index, long logStart, long? expireBeforeMs, long? retainBytes, long limit)
    {
        long start = logStart;
        long left = index.SizeBytes;
        var position = index.First;
        while (index.TryGet(position, out var batch) && batch.NextOffset <= limit)
        {
            bool expired = batch.MaxTimestamp < expireBeforeMs;
            bool surplus = left - batch.SizeBytes >= retainBytes;
            if (!expired && !surplus)
                break;
            left -= batch.SizeBytes;
            start = batch.NextOffset;
            position = index.Next(position);
        }
        return start;
    }
}
