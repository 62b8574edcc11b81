<?php
declare(strict_types=1);

namespace Resellerd;

/** Carries requests to resellerd. Connection does it over a network, Testing\Recorded from a file. */
interface Transport
{
    /**
     * @param string $path with its query
     * @param array<string, string> $headers without the token
     * @throws Unavailable if there is no answer
     */
    public function send(string $method, string $path, array $headers = [], ?string $body = null): Response;
}
