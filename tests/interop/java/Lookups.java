import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.remoting.protocol.route.TopicRouteData;

/**
 * Lookups of one topic after the other with the client library's own remoting client, as
 * fast as they are answered, until a line comes.
 *
 * Arguments: the name server list, the number of brokers that every route must have, and
 * topics. Prints "ready" and a line "\u0001"; the line that ends it is answered by
 * <pre>
 * ANSWERED RETRIED LOST WRONG
 * </pre>
 * lookups that were answered; those that failed on their connection first, which the
 * library's callers repeat; those that failed every time; and answers that were no whole route.
 */
public class Lookups {
    private static final String END = "\u0001";
    private static final int THREADS = 2;
    private static final int TRIES = 3;
    private static final long TIMEOUT_MILLIS = 3000;

    private static final AtomicLong answered = new AtomicLong();
    private static final AtomicLong retried = new AtomicLong();
    private static final AtomicLong lost = new AtomicLong();
    private static final AtomicLong wrong = new AtomicLong();
    private static volatile boolean running = true;

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, "UTF-8");
        BufferedReader commands =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        DefaultMQProducer producer = new DefaultMQProducer("InteropLookups");
        producer.setNamesrvAddr(arguments[0]);
        producer.start();
        MQClientAPIImpl client =
            producer.getDefaultMQProducerImpl().getMqClientFactory().getMQClientAPIImpl();
        int brokers = Integer.parseInt(arguments[1]);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            Thread thread = new Thread(() -> lookUp(client, brokers, arguments));
            thread.start();
            threads.add(thread);
        }
        commands.readLine();
        running = false;
        for (Thread thread : threads) {
            thread.join();
        }
        answers.println(answered + " " + retried + " " + lost + " " + wrong);
        answers.println(END);
        System.exit(0);
    }

    private static void lookUp(MQClientAPIImpl client, int brokers, String[] arguments) {
        for (int i = 2; running; i = i + 1 < arguments.length ? i + 1 : 2) {
            boolean first = true;
            for (int tries = 0; ; tries++) {
                try {
                    TopicRouteData route =
                        client.getTopicRouteInfoFromNameServer(arguments[i], TIMEOUT_MILLIS);
                    if (route.getBrokerDatas().size() != brokers) {
                        wrong.incrementAndGet();
                    }
                    answered.incrementAndGet();
                    break;
                } catch (MQClientException denial) {
                    System.err.println(denial);
                    wrong.incrementAndGet();
                    break;
                } catch (Exception failure) {
                    System.err.println(failure);
                    if (first) {
                        retried.incrementAndGet();
                        first = false;
                    }
                    if (tries == TRIES) {
                        lost.incrementAndGet();
                        break;
                    }
                }
            }
        }
    }
}
