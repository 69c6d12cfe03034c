using FsCheck;
using FsCheck.Fluent;
using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Groups;

/// <summary>Random commands to a few groups, with commits, refusals and crashes of the log at any moment. Whatever
/// happens: what is acknowledged is in the log, reads show the log's committed state, a generation has one assignment,
/// generations rise, and the log replayed is the durable state.</summary>
public sealed class ModelTests
{
    private static readonly BrokerConfig Config =
        new() { GroupMaxSize = 4, OffsetsRetentionMs = 100_000, OffsetsRetentionCheckIntervalMs = 30_000 };

    [Fact]
    public void Every_run_keeps_the_invariants() =>
        Prop.ForAll(
            Gen.Choose(0, int.MaxValue).ArrayOf(150).ToArbitrary(),
            seeds => new Run(Config).Play(seeds)).QuickCheckThrowOnFailure();

    [Fact]
    public void Long_runs_by_seed_keep_the_invariants()
    {
        var (assignments, acknowledged) = (0, 0);
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var run = new Run(Config);
            run.Play([.. Enumerable.Range(0, 1_000).Select(_ => random.Next())]);
            assignments += run.AssignmentCount;
            acknowledged += run.AcknowledgedCount;
        }
        assignments.ShouldBeGreaterThan(100);
        acknowledged.ShouldBeGreaterThan(1_000);
    }

    private sealed class Run(BrokerConfig config)
    {
        private readonly GroupWorld _world = new(config) { CommitsAtOnce = false };
        private readonly List<Member> _members = [];
        private readonly Dictionary<(string Group, string Topic), List<Commit>> _unanswered = [];
        private readonly Dictionary<(string Group, string Topic), long> _acknowledged = [];
        private readonly Dictionary<string, int> _generations = [];
        private readonly Dictionary<(string Group, int Life, int Generation, string Member), byte[]> _assignments = [];
        private readonly Dictionary<string, int> _lives = [];
        private int _offset;

        public int AssignmentCount => _assignments.Count;
        public int AcknowledgedCount { get; private set; }

        public void Play(int[] choices)
        {
            foreach (var choice in choices)
            {
                Act(new Random(choice));
                Observe();
            }
            _world.CommitAll();
            Observe();
            CheckReplay();
        }

        private void Act(Random random)
        {
            var group = random.Next(2) == 0 ? "a" : "b";
            var members = _members.Where(member => member.Group == group).ToList();
            var member = members.Count > 0 ? members[random.Next(members.Count)] : null;
            switch (random.Next(20))
            {
                case 0 or 1 when members.Count < 6:
                    var instance = random.Next(3) == 0 ? $"i{random.Next(2)}" : null;
                    var newcomer = new Member(group, instance);
                    _members.Add(newcomer);
                    newcomer.Join = _world.Join(
                        group, instanceId: instance, requireMemberId: instance is null && random.Next(2) == 0);
                    break;
                case 2 or 3 or 4 when member?.Id is { } id && member.Join is null:
                    var protocols = random.Next(3) == 0 ? new[] { ("range", new byte[] { (byte)random.Next(3) }) } : null;
                    member.Join = _world.Join(group, id, member.Instance, protocols: protocols);
                    member.Sync = null;
                    break;
                case 5 or 6 or 7 or 8 when member is { Id: not null, Join: null }:
                    var plan = members.Where(m => m.Id is not null)
                        .DistinctBy(m => m.Id).ToDictionary(m => m.Id!, _ => BitConverter.GetBytes(random.Next()));
                    member.Sync = _world.Sync(member.Id!, member.Generation, plan, group, member.Instance);
                    break;
                case 9 when member?.Id is { } id:
                    _world.StartHeartbeat(id, member.Generation, group, member.Instance);
                    break;
                case 10 when member?.Id is { } id && random.Next(2) == 0:
                    _world.Leave(id, member.Instance, group);
                    _members.Remove(member);
                    break;
                case 11 or 12 or 13:
                    CommitOffset(group, member, $"t{random.Next(2)}", random.Next(2) == 0);
                    break;
                case 14 when random.Next(3) == 0:
                    _world.DeleteGroup(group);
                    break;
                case 15 when random.Next(4) == 0:
                    Crash(random);
                    break;
                case 16 when _world.InFlight.Count > 0 && random.Next(3) == 0:
                    _world.RefuseNext(ErrorCode.CoordinatorNotAvailable);
                    break;
                case 17:
                    _world.Advance(random.Next(random.Next(8) == 0 ? 120_000 : 7_000));
                    break;
                default:
                    for (var count = random.Next(4); count > 0 && _world.InFlight.Count > 0; count--)
                        CommitNext();
                    break;
            }
        }

        private void CommitOffset(string group, Member? member, string topic, bool asMember)
        {
            var offset = ++_offset;
            var answer = asMember && member?.Id is { } id
                ? _world.Commit(offset, topic, 0, id, member.Generation, group, member.Instance)
                : _world.Commit(offset, topic, group: group);
            if (!_unanswered.TryGetValue((group, topic), out var commits))
                _unanswered.Add((group, topic), commits = []);
            commits.Add(new Commit(offset, answer));
        }

        /// <summary>The batch in flight may have reached the log or not; the rest has not.</summary>
        private void Crash(Random random)
        {
            if (_world.InFlight.Count > 0 && random.Next(2) == 0)
                Append(_world.InFlight.Dequeue());
            _world.Restart();
            foreach (var member in _members)
                (member.Join, member.Sync) = (null, null);
            _members.RemoveAll(member => member.Id is null);
            CheckReplay();
        }

        private void CommitNext()
        {
            Note(_world.InFlight.Peek());
            _world.CommitNext();
        }

        private void Append(CoordinatorWrite write)
        {
            Note(write);
            _world.Log.AddRange(write.Records);
        }

        /// <summary>Follows the log: a group that is deleted begins a new life; within one, generations do not fall.</summary>
        private void Note(CoordinatorWrite write)
        {
            foreach (var record in write.Records.OfType<GroupMetadataRecord>())
            {
                var group = record.Group.Value;
                if (record.Value is null)
                    _lives[group] = _lives.GetValueOrDefault(group) + 1;
                else
                    record.Value.Generation.ShouldBeGreaterThanOrEqualTo(_generations.GetValueOrDefault(group));
                _generations[group] = record.Value?.Generation ?? 0;
            }
        }

        private void Observe()
        {
            foreach (var member in _members)
            {
                ObserveJoin(member);
                ObserveSync(member);
            }
            foreach (var (key, commits) in _unanswered)
            {
                foreach (var commit in commits.Where(commit => commit.Answer.HasCome && commit.Answer.Value[0] == ErrorCode.None))
                {
                    _acknowledged[key] = Math.Max(_acknowledged.GetValueOrDefault(key), commit.Offset);
                    AcknowledgedCount++;
                }
                commits.RemoveAll(commit => commit.Answer.HasCome);
            }
            foreach (var ((group, topic), acknowledged) in _acknowledged)
            {
                // What a client reads is never older than what was acknowledged, unless it expired or was deleted since.
                if (_world.Fetch(topic, 0, group) is { } read)
                    read.ShouldBeGreaterThanOrEqualTo(acknowledged);
                else
                    HasTombstoneAfter(group, topic, acknowledged).ShouldBeTrue();
            }
        }

        private bool HasTombstoneAfter(string group, string topic, long offset)
        {
            var records = _world.Log.OfType<OffsetRecord>()
                .Where(record => record.Group.Value == group && record.Partition.Topic.Value == topic).ToList();
            return records.FindIndex(record => record.Value?.Offset.Value == offset) is >= 0 and var at
                && records.Skip(at).Any(record => record.Value is null);
        }

        private static void ObserveJoin(Member member)
        {
            if (member.Join is not { HasCome: true } join)
                return;
            member.Join = null;
            switch (join.Value.Error)
            {
                case ErrorCode.None:
                    if (join.Value.MemberId == member.Id && join.Value.Generation > 0)
                        join.Value.Members.Select(m => m.MemberId).Distinct().Count().ShouldBe(join.Value.Members.Count);
                    (member.Id, member.Generation) = (join.Value.MemberId, join.Value.Generation);
                    break;
                case ErrorCode.MemberIdRequired:
                    member.Id = join.Value.MemberId;
                    break;
                case ErrorCode.UnknownMemberId or ErrorCode.FencedInstanceId:
                    member.Id = null;
                    break;
            }
        }

        private void ObserveSync(Member member)
        {
            if (member.Sync is not { HasCome: true } sync)
                return;
            member.Sync = null;
            if (sync.Value.Error != ErrorCode.None || member.Id is null)
                return;

            // The log has it by now, and nobody was told another one for this generation.
            var key = (member.Group, _lives.GetValueOrDefault(member.Group), member.Generation, member.Id);
            if (_assignments.TryGetValue(key, out var before))
                sync.Value.Assignment.ShouldBe(before);
            _assignments[key] = sync.Value.Assignment;
            _world.Log.OfType<GroupMetadataRecord>().ShouldContain(record =>
                record.Group.Value == member.Group && record.Value != null && record.Value.Generation == member.Generation);
        }

        private void CheckReplay()
        {
            var replayed = _world.Load(_world.Log);
            var live = Durable(_world.Core);
            Durable(replayed).ShouldBe(live, ignoreOrder: true);

            // A log of the last record of each key alone, in any order, says the same: it may be compacted.
            var compacted = _world.Log.GroupBy(KeyOf).Select(records => records.Last()).OrderBy(KeyOf, StringComparer.Ordinal);
            Durable(_world.Load(compacted)).ShouldBe(live, ignoreOrder: true);
        }

        private static List<CoordinatorRecord?> Durable(GroupCoordinatorCore core) =>
            [.. core.DurableKeys().Select(core.ReadDurable)];

        private static string KeyOf(CoordinatorRecord record) =>
            record is OffsetRecord offset ? $"{record.Group} {offset.Partition}" : record.Group.Value;
    }

    private sealed record Commit(long Offset, Answer<IReadOnlyList<ErrorCode>> Answer);

    private sealed class Member(string group, string? instance)
    {
        public string Group { get; } = group;
        public string? Instance { get; } = instance;
        public string? Id { get; set; }
        public int Generation { get; set; } = -1;
        public Answer<JoinGroupReply>? Join { get; set; }
        public Answer<SyncGroupReply>? Sync { get; set; }
    }
}
