"""confluent-kafka (librdkafka), driven by the real-client tests: one command per process, JSON lines in and out."""
import json
import sys
import threading

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

from lines import SESSION, b64, emit, follow, raw


def message(m):
    return dict(partition=m.partition(), offset=m.offset(), timestamp=m.timestamp()[1], key=b64(m.key()), value=b64(m.value()),
                headers=[[name, b64(value)] for name, value in m.headers() or []])


def produce(options):
    settings = {
        "bootstrap.servers": options["bootstrap"], "acks": options.get("acks", -1), "compression.type": options.get("codec", "none"),
        "enable.idempotence": options.get("idempotent", False), "linger.ms": options.get("linger", 5),
        # A broker that is paused keeps its connections: half a minute and more is the usual time to give it up.
        "message.timeout.ms": 120000, "socket.timeout.ms": 15000, "request.timeout.ms": 10000, "reconnect.backoff.max.ms": 500}
    if options.get("batch") == 1:  # a request each, one after the other
        settings.update({"batch.num.messages": 1, "max.in.flight": 1})
    producer = Producer(settings)
    failed = []
    done = threading.Event()

    def report_acknowledgements():
        while not done.is_set():
            producer.poll(0.1)

    def acknowledged(value):
        def report(error, m):
            if error is not None:
                failed.append(error.name())
                emit(error=error.name(), value=value)
            else:
                emit(partition=m.partition(), offset=m.offset(), value=value)
        return report

    # Acknowledgements are told as they come, also while the next line is waited for.
    reporter = threading.Thread(target=report_acknowledgements)
    reporter.start()
    for line in sys.stdin:
        m = json.loads(line)
        extra = {k: m[k] for k in ("partition", "timestamp") if m.get(k) is not None}
        while True:
            try:
                producer.produce(options["topic"], key=raw(m.get("key")), value=raw(m.get("value")),
                                 headers=[(n, raw(v)) for n, v in m.get("headers", [])],
                                 on_delivery=acknowledged(m.get("value")), **extra)
                break
            except BufferError:
                done.wait(0.01)
    unanswered = producer.flush(130)
    done.set()
    reporter.join()
    sys.exit(1 if failed or unanswered else 0)


def consume(options):
    settings = {"bootstrap.servers": options["bootstrap"], "group.id": "unused", "enable.auto.commit": False,
                "auto.offset.reset": "earliest", "check.crcs": True, "client.rack": options.get("rack", "")}
    if "fetchBytes" in options:
        # librdkafka wants a fetch to be as large as the largest message that it would send.
        settings.update(dict.fromkeys(("fetch.max.bytes", "max.partition.fetch.bytes", "message.max.bytes"), options["fetchBytes"]))
    consumer = Consumer(settings)
    topic = options["topic"]
    partitions = [TopicPartition(topic, p, OFFSET_BEGINNING) for p in consumer.list_topics(topic).topics[topic].partitions]
    if "timestamp" in options:
        partitions = consumer.offsets_for_times([TopicPartition(topic, p.partition, options["timestamp"]) for p in partitions])
    consumer.assign(partitions)
    left = options.get("count")
    if left is None:  # what is there now
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, p.partition), timeout=120) for p in partitions]
        left = sum(high - low for low, high in ends)
    while left > 0:
        m = consumer.poll(1)
        if m is None:
            continue
        if m.error():
            raise KafkaException(m.error())
        emit(**message(m))
        left -= 1
    consumer.close()


def member(options):
    """A group member: says what it is assigned and what it reads; "stop" on stdin makes it commit and leave."""
    settings = {"bootstrap.servers": options["bootstrap"], "group.id": options["group"], "auto.offset.reset": "earliest",
                "enable.auto.commit": False, "session.timeout.ms": options.get("session", SESSION), "heartbeat.interval.ms": 500,
                "partition.assignment.strategy": options.get("strategy", "range")}
    if "instance" in options:
        settings["group.instance.id"] = options["instance"]
    consumer = Consumer(settings)
    stopping = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stopping.set()), daemon=True).start()
    consumer.subscribe([options["topic"]])
    assigned = None
    while not stopping.is_set():
        m = consumer.poll(0.2)
        if m is not None and not m.error():
            emit(**message(m))
            try:
                consumer.commit(m, asynchronous=False)
                emit(committed=True)
            except KafkaException as e:  # a rebalance is under way: the message will be read again
                emit(refused=str(e))
        now = sorted(p.partition for p in consumer.assignment())
        if now != assigned:
            assigned = now
            emit(assigned=now)
    consumer.close()
    emit(left=True)


def steps(options):
    """A consumer of one topic, of all that match a pattern, or of all partitions of a topic from their beginning; it does what
    stdin says, a step a line, and answers each with a line."""
    consumer = Consumer({"bootstrap.servers": options["bootstrap"], "group.id": options.get("group", "unused"),
                         "enable.auto.commit": False, "topic.metadata.refresh.interval.ms": 500,
                         "auto.offset.reset": options.get("reset", "earliest").replace("none", "error")})
    topic = options.get("topic")
    if options.get("assign"):
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in consumer.list_topics(topic).topics[topic].partitions])
    else:
        consumer.subscribe([topic or options["pattern"]])

    def read(count):
        found = []
        while len(found) < count:
            m = consumer.poll(1)
            if m is not None and m.error():
                # Of a topic that is gone: it may come back.
                if m.error().code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise KafkaException(m.error())
            elif m is not None:
                found.append(dict(message(m), topic=m.topic()))
        return found

    def commit(offset, _):  # this version knows no metadata
        consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
        (kept,) = consumer.committed([TopicPartition(topic, 0)], timeout=120)
        return [kept.offset]

    follow({"read": read, "commit": commit, "pause": lambda p: consumer.pause([TopicPartition(topic, p)]),
            "resume": lambda p: consumer.resume([TopicPartition(topic, p)]),
            "seek": lambda p, offset: consumer.seek(TopicPartition(topic, p, offset))}, lambda error: error.args[0].name())
    consumer.close()


def admin(options):
    """Creates, grows, configures, describes and deletes a topic; every step fails the process if the broker says no."""
    client = AdminClient({"bootstrap.servers": options["bootstrap"]})
    topic = options["topic"]

    def wait(futures):
        return {key: future.result(120) for key, future in futures.items()}

    wait(client.create_topics([NewTopic(topic, 2, 1, config={"retention.ms": "3600000"})]))
    wait(client.create_partitions([NewPartitions(topic, 5)]))
    wait(client.alter_configs([ConfigResource(ConfigResource.Type.TOPIC, topic, set_config={"retention.ms": "7200000"})]))
    described = list(wait(client.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)])).values())[0]
    emit(partitions=len(client.list_topics(topic).topics[topic].partitions), retention=described["retention.ms"].value)
    refused = None
    try:
        wait(client.create_topics([NewTopic(topic + "-bad", 1, 1, config={"no.such.config": "1"})]))
    except KafkaException as e:
        refused = str(e)
    emit(refused=refused)
    wait(client.delete_topics([topic]))
    emit(deleted=topic not in client.list_topics().topics)


def groups(options):
    """Commits an offset, then lists and describes the group that it is kept for: this version can do no more."""
    group = options["group"]
    consumer = Consumer({"bootstrap.servers": options["bootstrap"], "group.id": group, "enable.auto.commit": False})
    consumer.commit(offsets=[TopicPartition(options["topic"], 0, 7)], asynchronous=False)
    (committed,) = consumer.committed([TopicPartition(options["topic"], 0)], timeout=120)
    consumer.close()
    client = AdminClient({"bootstrap.servers": options["bootstrap"]})
    (described,) = client.list_groups(group, timeout=120)
    emit(listed=group in [g.id for g in client.list_groups(timeout=120)], state=described.state, committed=committed.offset)


commands = {"produce": produce, "consume": consume, "member": member, "steps": steps, "admin": admin, "groups": groups}
commands[sys.argv[1]](json.loads(sys.argv[2]))
