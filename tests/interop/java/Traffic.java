import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

/**
 * A producer and a consumer of the plain client library, steered by lines on standard input.
 *
 * Arguments: the name server list. Each command is answered by one line and a line "\u0001":
 * <pre>
 * subscribe TOPIC...      consume these from their beginning
 * send TOPIC COUNT        send COUNT messages; answers how many calls failed on the way
 * flow TOPIC PAUSE        send one message to TOPIC every PAUSE ms until "halt"
 * also TOPIC              the flow takes this topic in turn, too
 * sent                    how many messages the brokers have taken
 * failures                how many calls failed (each message is repeated until it is taken)
 * halt                    end the flow
 * missing                 bodies that were sent and not received, separated by blanks
 * </pre>
 */
public class Traffic {
    private static final String END = "\u0001";
    private static final int POLL_NAME_SERVER_MILLIS = 1000;
    private static final long GIVE_UP_MILLIS = 30000;

    private final String nameServers;
    private final DefaultMQProducer producer = new DefaultMQProducer("InteropProducer");
    private final DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("InteropConsumer");
    private final Set<String> sent = ConcurrentHashMap.newKeySet();
    private final Set<String> received = ConcurrentHashMap.newKeySet();
    private final List<String> flowTopics = new CopyOnWriteArrayList<>();
    private volatile boolean flowing;
    private volatile int failures;
    private volatile Exception flowFailure;
    private Thread flow;

    private Traffic(String nameServers) {
        this.nameServers = nameServers;
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, "UTF-8");
        BufferedReader commands =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Traffic traffic = new Traffic(arguments[0]);
        traffic.startProducer();
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            answers.println(traffic.answer(line));
            answers.println(END);
        }
        System.exit(0);
    }

    private String answer(String line) {
        try {
            List<String> words = Arrays.asList(line.split("\t", -1));
            return run(words.get(0), words.subList(1, words.size()));
        } catch (Exception failure) {
            return "FAILED " + failure.toString().replace('\n', ' ');
        }
    }

    private String run(String command, List<String> words) throws Exception {
        switch (command) {
            case "subscribe":
                subscribe(words);
                return "subscribed";
            case "send":
                return send(words.get(0), Integer.parseInt(words.get(1)));
            case "flow":
                startFlow(words.get(0), Long.parseLong(words.get(1)));
                return "flowing";
            case "also":
                flowTopics.add(words.get(0));
                return "added";
            case "sent":
                return Integer.toString(sent.size());
            case "failures":
                return Integer.toString(failures);
            case "halt":
                return halt();
            case "missing":
                return missing();
            default:
                throw new IllegalArgumentException("unknown command " + command);
        }
    }

    private void startProducer() throws Exception {
        producer.setNamesrvAddr(nameServers);
        producer.setPollNameServerInterval(POLL_NAME_SERVER_MILLIS);
        producer.start();
    }

    private void subscribe(List<String> topics) throws Exception {
        consumer.setNamesrvAddr(nameServers);
        consumer.setPollNameServerInterval(POLL_NAME_SERVER_MILLIS);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        for (String topic : topics) {
            consumer.subscribe(topic, "*");
        }
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(m -> received.add(new String(m.getBody(), StandardCharsets.UTF_8)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
    }

    private String send(String topic, int count) throws Exception {
        int before = failures;
        for (int i = 0; i < count; i++) {
            sendOne(topic, topic + "-" + i);
        }
        return Integer.toString(failures - before);
    }

    /** As an application does it: repeat until a broker has taken the message. */
    private void sendOne(String topic, String body) throws Exception {
        Message message = new Message(topic, body.getBytes(StandardCharsets.UTF_8));
        long giveUp = System.currentTimeMillis() + GIVE_UP_MILLIS;
        while (true) {
            try {
                if (producer.send(message).getSendStatus() == SendStatus.SEND_OK) {
                    sent.add(body);
                    return;
                }
            } catch (Exception failure) {
                if (System.currentTimeMillis() > giveUp) {
                    throw failure;
                }
            }
            failures++;
            Thread.sleep(100);
        }
    }

    private void startFlow(String firstTopic, long pauseMillis) {
        flowTopics.add(firstTopic);
        flowing = true;
        flow = new Thread(() -> {
            try {
                for (int i = 0; flowing; i++) {
                    String topic = flowTopics.get(i % flowTopics.size());
                    sendOne(topic, topic + "-" + i);
                    Thread.sleep(pauseMillis);
                }
            } catch (Exception failure) {
                flowFailure = failure;
            }
        });
        flow.start();
    }

    private String halt() throws Exception {
        flowing = false;
        flow.join();
        if (flowFailure != null) {
            throw flowFailure;
        }
        return "halted";
    }

    private String missing() {
        Set<String> bodies = new TreeSet<>(sent);
        bodies.removeAll(received);
        return String.join(" ", bodies);
    }
}
