package dev.bouncer.cli.fetch;

import dev.bouncer.cli.child.ByteSink;
import java.io.IOException;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow.Subscription;
import org.jspecify.annotations.Nullable;

/** Puts a body into its part and counts its bytes. If the part takes no more, the exchange ends. */
final class PartBody implements BodySubscriber<Long> {
  private final Destination.Part part;
  private final CompletableFuture<Long> end = new CompletableFuture<>();
  private @Nullable Subscription source;
  private @Nullable ByteSink sink;
  private long bytes;

  PartBody(Destination.Part part) {
    this.part = part;
  }

  @Override
  public CompletionStage<Long> getBody() {
    return end;
  }

  @Override
  public void onSubscribe(Subscription subscription) {
    source = subscription;
    try {
      sink = part.restart();
      subscription.request(Long.MAX_VALUE);
    } catch (IOException unwritable) {
      giveUp(subscription, unwritable);
    }
  }

  @Override
  public void onNext(List<ByteBuffer> pieces) {
    ByteSink open = sink;
    if (open == null || end.isDone()) {
      return;
    }
    try {
      for (ByteBuffer piece : pieces) {
        bytes += piece.remaining();
        open.accept(piece);
      }
    } catch (IOException unwritable) {
      giveUp(Objects.requireNonNull(source), unwritable);
    }
  }

  private void giveUp(Subscription subscription, IOException unwritable) {
    end.completeExceptionally(new Destination.UnwritableException(unwritable));
    subscription.cancel();
  }

  @Override
  public void onError(Throwable failure) {
    end.completeExceptionally(failure);
  }

  @Override
  public void onComplete() {
    end.complete(bytes);
  }
}
