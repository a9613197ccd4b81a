package dev.bouncer.http;

import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow.Subscription;
import org.jspecify.annotations.Nullable;

/**
 * Reads a body that nobody wants, so that its connection can be used again, but no more of it than
 * a new connection would cost.
 */
final class DiscardedBody<T extends @Nullable Object> implements BodySubscriber<T> {
  private static final long MOST_BYTES = 64 * 1024;

  private final CompletableFuture<T> end = new CompletableFuture<>();
  private @Nullable Subscription source;
  private long bytes;

  @Override
  public CompletionStage<T> getBody() {
    return end;
  }

  @Override
  public void onSubscribe(Subscription subscription) {
    source = subscription;
    subscription.request(Long.MAX_VALUE);
  }

  @Override
  public void onNext(List<ByteBuffer> pieces) {
    for (ByteBuffer piece : pieces) {
      bytes += piece.remaining();
    }
    if (bytes > MOST_BYTES && source != null) {
      source.cancel();
      onComplete();
    }
  }

  @Override
  public void onError(Throwable failure) {
    onComplete(); // what was to be known is in the headers
  }

  @Override
  @SuppressWarnings("NullAway") // the body of such a response is never shown to anybody
  public void onComplete() {
    end.complete(null);
  }
}
