"""kafka-python, driven by the real-client tests: one command per process, JSON lines in and out."""
import json
import sys
import threading

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import CommitFailedError, InvalidConfigurationError

from lines import SESSION, b64, emit, follow, raw

PATIENCE = 120
# On a busy machine the broker's versions may take longer to learn than the two seconds that are usual.
COMMON = dict(api_version_auto_timeout_ms=PATIENCE * 1000)


def message(record):
    return dict(partition=record.partition, offset=record.offset, timestamp=record.timestamp, key=b64(record.key),
                value=b64(record.value), headers=[[name, b64(value)] for name, value in record.headers])


def produce(options):
    codec = options.get("codec", "none")
    settings = {"acks": {-1: "all"}.get(options.get("acks", -1), options.get("acks")), "linger_ms": options.get("linger", 0),
                "compression_type": None if codec == "none" else codec}
    if options.get("batch") == 1:  # a request each, one after the other
        settings.update(batch_size=0, max_in_flight_requests_per_connection=1)
    # A broker that is killed is away for seconds on a busy machine: a tenth of a second between the tries is the usual.
    producer = KafkaProducer(bootstrap_servers=options["bootstrap"], retries=600, **settings, **COMMON)
    failed = []

    def send(m):
        def fail(error):
            failed.append(error)
            emit(error=type(error).__name__, value=m.get("value"))

        producer.send(
            options["topic"], key=raw(m.get("key")), value=raw(m.get("value")), partition=m.get("partition"),
            timestamp_ms=m.get("timestamp"), headers=[(n, raw(v)) for n, v in m.get("headers", [])]
        ).add_callback(lambda meta: emit(partition=meta.partition, offset=meta.offset, value=m.get("value"))).add_errback(fail)

    for line in sys.stdin:
        send(json.loads(line))
    producer.flush(PATIENCE)
    producer.close(10)
    sys.exit(1 if failed else 0)


def crowd(options):
    """Many producers in one process, all connected at the same time, each with a few messages."""
    producers = [KafkaProducer(bootstrap_servers=options["bootstrap"], acks="all", api_version=(2, 5)) for _ in range(options["count"])]
    emit(connected=len(producers))
    for round_number in range(options["rounds"]):
        futures = [p.send(options["topic"], value=b"%d-%d" % (i, round_number)) for i, p in enumerate(producers)]
        for future in futures:
            future.get(PATIENCE)
        emit(round=round_number)
    for producer in producers:
        producer.close(10)


def consume(options):
    sizes = dict.fromkeys(("fetch_max_bytes", "max_partition_fetch_bytes"), options["fetchBytes"]) if "fetchBytes" in options else {}
    consumer = KafkaConsumer(bootstrap_servers=options["bootstrap"], auto_offset_reset="earliest", enable_auto_commit=False,
                             **sizes, **COMMON)
    partitions = [TopicPartition(options["topic"], p) for p in consumer.partitions_for_topic(options["topic"])]
    consumer.assign(partitions)
    if "timestamp" in options:
        for partition, found in consumer.offsets_for_times({p: options["timestamp"] for p in partitions}).items():
            if found is None:
                consumer.seek_to_end(partition)
            else:
                consumer.seek(partition, found.offset)
    left = options["count"]
    while left > 0:
        for records in consumer.poll(1000).values():
            for record in records:
                emit(**message(record))
                left -= 1
    consumer.close()


def member(options):
    """A group member: says what it is assigned and what it reads; "stop" on stdin makes it commit and leave."""
    consumer = KafkaConsumer(options["topic"], bootstrap_servers=options["bootstrap"], group_id=options["group"],
                             auto_offset_reset="earliest", session_timeout_ms=SESSION, heartbeat_interval_ms=500,
                             enable_auto_commit=False, **COMMON)
    stopping = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stopping.set()), daemon=True).start()
    assigned = None
    while not stopping.is_set():
        batch = consumer.poll(200)
        for records in batch.values():
            for record in records:
                emit(**message(record))
        if batch:
            try:
                consumer.commit()
                emit(committed=True)
            except CommitFailedError as e:  # a rebalance is under way: the messages will be read again
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
    consumer = KafkaConsumer(bootstrap_servers=options["bootstrap"], group_id=options.get("group"), enable_auto_commit=False,
                             auto_offset_reset=options.get("reset", "earliest"), metadata_max_age_ms=500,
                             session_timeout_ms=SESSION, **COMMON)
    topic = options.get("topic")
    if options.get("assign"):
        consumer.assign([TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)])
        consumer.seek_to_beginning()
    else:
        consumer.subscribe(pattern=options.get("pattern"), topics=[topic] if topic else ())

    def read(count):
        found = []
        while len(found) < count:
            for records in consumer.poll(1000, max_records=count - len(found)).values():
                found += [dict(message(record), topic=record.topic) for record in records]
        return found

    def commit(offset, metadata):
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(offset, metadata)})
        kept = consumer.committed(TopicPartition(topic, 0), metadata=True)
        return [kept.offset, kept.metadata]

    follow({"read": read, "commit": commit, "pause": lambda p: consumer.pause(TopicPartition(topic, p)),
            "resume": lambda p: consumer.resume(TopicPartition(topic, p)),
            "seek": lambda p, offset: consumer.seek(TopicPartition(topic, p), offset)}, lambda error: type(error).__name__)
    consumer.close()


def admin(options):
    """Creates, grows, configures, describes and deletes a topic; every step fails the process if the broker says no."""
    client = KafkaAdminClient(bootstrap_servers=options["bootstrap"], **COMMON)
    topic = options["topic"]
    client.create_topics([NewTopic(topic, 2, 1, topic_configs={"retention.ms": "3600000"})])
    client.create_partitions({topic: NewPartitions(5)})
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": "7200000"})])
    (answer,) = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    (resource,) = answer.resources
    (description,) = client.describe_topics([topic])
    emit(partitions=len(description["partitions"]), retention={entry[0]: entry[1] for entry in resource[4]}["retention.ms"])
    refused = None
    try:
        client.create_topics([NewTopic(topic + "-bad", 1, 1, topic_configs={"no.such.config": "1"})])
    except InvalidConfigurationError as e:
        refused = str(e)
    emit(refused=refused)
    client.delete_topics([topic])
    emit(deleted=topic not in client.list_topics())
    client.close()


def groups(options):
    """Commits an offset, then lists, describes and deletes the group that it is kept for."""
    group, partition = options["group"], TopicPartition(options["topic"], 0)
    consumer = KafkaConsumer(bootstrap_servers=options["bootstrap"], group_id=group, enable_auto_commit=False, **COMMON)
    consumer.assign([partition])
    consumer.commit({partition: OffsetAndMetadata(7, "noted")})
    consumer.close()
    client = KafkaAdminClient(bootstrap_servers=options["bootstrap"], **COMMON)
    (description,) = client.describe_consumer_groups([group])
    emit(listed=group in [name for name, _ in client.list_consumer_groups()], state=description.state,
         committed=client.list_consumer_group_offsets(group)[partition].offset)
    ((_, error),) = client.delete_consumer_groups([group])
    emit(refused=None if error.errno == 0 else str(error), listed=group in [name for name, _ in client.list_consumer_groups()])
    client.close()


commands = {"produce": produce, "crowd": crowd, "consume": consume, "member": member, "steps": steps, "admin": admin, "groups": groups}
commands[sys.argv[1]](json.loads(sys.argv[2]))
