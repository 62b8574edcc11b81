<?php
declare(strict_types=1);

namespace Resellerd;

/** There is no answer. Show nothing then: never fall back to the panel's own data. */
final class Unavailable extends \RuntimeException
{
    /** @param int $retryAfter seconds, if resellerd said when to try again */
    public function __construct(string $message, public readonly int $retryAfter = 0, ?\Throwable $previous = null)
    {
        parent::__construct($message, 0, $previous);
    }
}
