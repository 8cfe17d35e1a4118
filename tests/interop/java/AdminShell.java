import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * The real mqadmin, many commands in one JVM.
 *
 * One command per line of standard input, its words separated by tabs; the first word is the
 * number of milliseconds after which an endless command is interrupted. What the command prints,
 * errors too, comes back on standard output, followed by a line "\u0001".
 */
public class AdminShell {
    private static final String END = "\u0001";
    private static final int LOOK_MILLIS = 20;

    private static volatile long interruptAt = Long.MAX_VALUE;

    public static void main(String[] unused) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, "UTF-8");
        BufferedReader commands =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        MQAdminStartup.initCommand();
        startWatching(Thread.currentThread());
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            String[] words = line.split("\t", -1);
            interruptAt = System.currentTimeMillis() + Long.parseLong(words[0]);
            answers.println(run(Arrays.copyOfRange(words, 1, words.length)));
            answers.println(END);
        }
        // mqadmin leaves threads behind that are no daemons.
        System.exit(0);
    }

    private static String run(String[] words) throws Exception {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream capture = new PrintStream(printed, true, "UTF-8");
        System.setOut(capture);
        System.setErr(capture);
        try {
            MQAdminStartup.main0(words, null);
        } catch (Throwable failure) {
            failure.printStackTrace(capture);
        }
        interruptAt = Long.MAX_VALUE;
        Thread.interrupted();
        capture.flush();
        return printed.toString("UTF-8");
    }

    private static void startWatching(Thread runner) {
        Thread watcher = new Thread(() -> watch(runner));
        watcher.setDaemon(true);
        watcher.start();
    }

    private static void watch(Thread runner) {
        while (true) {
            try {
                Thread.sleep(LOOK_MILLIS);
            } catch (InterruptedException impossible) {
                return;
            }
            if (System.currentTimeMillis() > interruptAt) {
                interruptAt = Long.MAX_VALUE;
                runner.interrupt();
            }
            if (waitsForItsThreads(runner)) {
                wakeEventThreads(runner.getThreadGroup());
            }
        }
    }

    /** A command that has done its work joins a thread that may sleep for 3 s more. */
    private static boolean waitsForItsThreads(Thread runner) {
        if (runner.getState() != Thread.State.TIMED_WAITING) {
            return false;
        }
        return Arrays.stream(runner.getStackTrace())
            .anyMatch(frame -> frame.getClassName().endsWith("common.ServiceThread")
                && frame.getMethodName().equals("shutdown"));
    }

    private static void wakeEventThreads(ThreadGroup group) {
        Thread[] threads = new Thread[group.activeCount() + 16];
        int count = group.enumerate(threads);
        for (int i = 0; i < count; i++) {
            if (threads[i].getName().equals("NettyEventExecutor")) {
                threads[i].interrupt();
            }
        }
    }
}
