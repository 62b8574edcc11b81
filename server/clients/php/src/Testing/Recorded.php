<?php
declare(strict_types=1);

namespace Resellerd\Testing;

use Resellerd\{Response, Transport, Unavailable};

/**
 * Answers from a file of Recorder, for tests without a server. A repeated request gets
 * the recorded answers in their order, and then the last one again. A request that was
 * not recorded has no answer: the panel must show nothing.
 */
final class Recorded implements Transport
{
    /** @var array<string, list<Response>> */
    private array $answers = [];

    public function __construct(string $file)
    {
        foreach (file($file, FILE_IGNORE_NEW_LINES | FILE_SKIP_EMPTY_LINES) ?: [] as $line) {
            $entry = json_decode($line, true, 64, JSON_THROW_ON_ERROR);
            $this->answers[$entry['request']][] = new Response($entry['status'], $entry['headers'], $entry['body']);
        }
    }

    public function send(string $method, string $path, array $headers = [], ?string $body = null): Response
    {
        $key = self::key($method, $path, $headers, $body);
        $answers = $this->answers[$key] ?? throw new Unavailable("No answer is recorded for: $key");
        if (count($answers) > 1) {
            array_shift($this->answers[$key]);
        }
        return $answers[0];
    }

    /** @param array<string, string> $headers */
    public static function key(string $method, string $path, array $headers, ?string $body): string
    {
        return trim("$method $path as " . ($headers['Resellerd-User'] ?? '-') . ' ' . $body);
    }
}
