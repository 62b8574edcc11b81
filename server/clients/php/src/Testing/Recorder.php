<?php
declare(strict_types=1);

namespace Resellerd\Testing;

use Resellerd\{Response, Transport};

/** Writes every request and its answer to a file, for Recorded. The file holds no token, but rows. */
final class Recorder implements Transport
{
    public function __construct(private readonly Transport $inner, private readonly string $file)
    {
        file_put_contents($file, '');
    }

    public function send(string $method, string $path, array $headers = [], ?string $body = null): Response
    {
        $response = $this->inner->send($method, $path, $headers, $body);
        $line = json_encode([
            'request' => Recorded::key($method, $path, $headers, $body),
            'status' => $response->status,
            'headers' => array_intersect_key($response->headers, ['etag' => '', 'location' => '', 'retry-after' => '']),
            'body' => $response->body,
        ], JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES);
        file_put_contents($this->file, $line . "\n", FILE_APPEND);
        return $response;
    }
}
