from kafka import KafkaProducer
producer = KafkaProducer(bootstrap_servers='localhost:9092')
for i in range(10):
    producer.send('test-topic', b'message %d' % i)
producer.flush()

from kafka import KafkaConsumer
consumer = KafkaConsumer('test-topic', group_id='test-group', bootstrap_servers='localhost:9092',
                         auto_offset_reset='earliest', consumer_timeout_ms=60000)
for seen, message in enumerate(consumer, 1):
    print(message.topic, message.partition, message.offset, message.value.decode(), flush=True)
    if seen == 10:
        break
consumer.close()
