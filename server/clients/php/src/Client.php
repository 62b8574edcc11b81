<?php
declare(strict_types=1);

namespace Resellerd;

/** resellerd, as a panel calls it with its token. */
final class Client
{
    public function __construct(public readonly Transport $transport)
    {
    }

    /**
     * @param string $url http://127.0.0.1:8080, or unix:/run/resellerd.sock
     * @param int $timeout milliseconds for a whole request
     */
    public static function connect(string $url, #[\SensitiveParameter] string $token, int $timeout = 2000): self
    {
        return new self(new Connection($url, $token, $timeout));
    }

    /**
     * The user who is signed in to the panel. Take the id from the panel's session,
     * never from a value that a browser sent.
     *
     * @param string $user id, or the external id that the panel gave the user
     * @param ?string $ip the address that the user acts from
     * @param ?string $jwt the user's own token, for --require-user-jwt
     */
    public function as(string $user, ?string $ip = null, #[\SensitiveParameter] ?string $jwt = null): User
    {
        return new User($this->transport, $user, array_filter(
            ['Resellerd-User' => $user, 'Resellerd-Client-IP' => $ip, 'Resellerd-User-JWT' => $jwt],
            static fn(?string $value): bool => $value !== null,
        ));
    }
}
