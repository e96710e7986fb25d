//! DSA keys, of which Sprig can make new ones. They sign nothing: certificates for them are refused by the original as well.

use num_bigint_dig::prime::probably_prime;
use num_bigint_dig::{BigUint, RandBigInt};
use rand_core::{CryptoRng, RngCore};

use super::der;

const BITS: usize = 2048;
const ORDER_BITS: usize = 256;
/// Rounds of the primality test; a composite number passes with a chance below 2^-64.
const ROUNDS: usize = 32;

/// A private key with its parameters.
pub(super) struct Key {
    prime: BigUint,
    order: BigUint,
    generator: BigUint,
    public: BigUint,
    private: BigUint,
}

impl Key {
    /// New parameters of 2,048 and 256 bits, and a key in them. Takes about a second.
    pub(super) fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let one = BigUint::from(1_u32);
        let (prime, order) = primes(random);
        let exponent = (&prime - &one) / &order;
        let generator = (2_u32..1_000)
            .map(|base| BigUint::from(base).modpow(&exponent, &prime))
            .find(|generator| *generator != one)
            .unwrap_or_else(|| one.clone());
        let private = random.gen_biguint_range(&one, &order);
        let public = generator.modpow(&private, &prime);
        Self { prime, order, generator, public, private }
    }

    /// The form that Go gives it: version, p, q, g, y, x.
    pub(super) fn to_der(&self) -> Vec<u8> {
        let numbers = [&self.prime, &self.order, &self.generator, &self.public, &self.private];
        let numbers: Vec<u8> =
            numbers.iter().flat_map(|number| der::integer(&number.to_bytes_be())).collect();
        der::element(der::SEQUENCE, &[&der::integer(&[]), &numbers])
    }
}

/// Two primes of which the second divides the first less one.
fn primes(random: &mut (impl RngCore + CryptoRng)) -> (BigUint, BigUint) {
    let one = BigUint::from(1_u32);
    loop {
        let order = with_ends(random, ORDER_BITS);
        if !probably_prime(&order, ROUNDS) {
            continue;
        }
        for _ in 0..4 * BITS {
            let candidate = with_ends(random, BITS);
            let rest = &candidate % &order;
            let candidate = candidate + &one - rest;
            if candidate.bits() == BITS && probably_prime(&candidate, ROUNDS) {
                return (candidate, order);
            }
        }
    }
}

/// A random odd number of exactly so many bits.
fn with_ends(random: &mut (impl RngCore + CryptoRng), bits: usize) -> BigUint {
    let one = BigUint::from(1_u32);
    random.gen_biguint(bits - 1) | (&one << (bits - 1)) | one
}
