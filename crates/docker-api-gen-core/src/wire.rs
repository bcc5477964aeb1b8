//! How generated types are read from and written to JSON.
//!
//! Daemons send `null` where their description promises a list, leave out what it calls required, and add
//! fields it has never heard of. So reading here is lenient by construction: a field that is missing or
//! `null` keeps its default (`None`, an empty list, zero), an unknown field is passed over, and an unknown
//! enum value is kept as text. Writing leaves out what was not set.
//!
//! The traits stand beside serde's instead of using its derive because a generated crate has over a
//! thousand fields: one `match` per type compiles in a fraction of the time, and `null` needs no attribute
//! on every field. Each type still implements serde's own traits, for the directions it is used in.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeSeq, Serializer};

#[doc(hidden)]
pub use serde::{self, de::MapAccess, ser::SerializeMap};

#[doc(hidden)]
pub use crate::decode::place;

#[doc(hidden)]
pub use crate::{
    integer_enum, readable, readable_integer, readable_text, text_enum, writable, writable_integer,
    writable_text,
};

/// A value that can be read from JSON, `null` included.
pub trait Read: Sized {
    /// Whether it is read from a text.
    #[doc(hidden)]
    const IS_TEXT: bool = false;

    /// Reads the value; `null` gives the type's default.
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error>;

    /// Reads a value that is known not to be `null`, where that is less work.
    #[doc(hidden)]
    fn read_present<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::read(from)
    }
}

/// A value that can be written as JSON.
pub trait Write {
    /// Whether there is anything to write: `false` leaves the field out.
    fn is_set(&self) -> bool {
        true
    }

    /// Writes the value.
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error>;
}

/// An object whose fields are read one by one.
pub trait ReadFields: Default {
    /// Takes the value of the field `name`, or passes over it.
    fn read_field<'de, M: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: FieldValue<'_, M>,
    ) -> Result<(), M::Error>;
}

/// An object whose fields are written one by one.
pub trait WriteFields {
    /// Writes each field that is set.
    fn write_fields<M: SerializeMap>(&self, to: &mut FieldWriter<M>) -> Result<(), M::Error>;
}

/// The value of a field that is being read.
#[derive(Debug)]
pub struct FieldValue<'a, M>(&'a mut M);

impl<'de, M: MapAccess<'de>> FieldValue<'_, M> {
    /// Reads the value into `field`.
    pub fn read<T: Read>(self, field: &mut T) -> Result<(), M::Error> {
        *field = self.0.next_value_seed(Seed(PhantomData))?;
        Ok(())
    }

    /// Passes over a value nobody asked for.
    pub fn skip(self) -> Result<(), M::Error> {
        self.0.next_value::<IgnoredAny>().map(drop)
    }
}

/// Where the fields of an object are written to.
#[derive(Debug)]
pub struct FieldWriter<M>(M);

impl<M: SerializeMap> FieldWriter<M> {
    /// Writes `value` under `name`, or nothing where it is not set.
    pub fn write<T: Write>(&mut self, name: &'static str, value: &T) -> Result<(), M::Error> {
        if value.is_set() {
            self.0.serialize_entry(name, &Wire(value))?;
        }
        Ok(())
    }
}

/// Reads an object; `null` gives the default.
pub fn read_object<'de, T: ReadFields, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_option(ObjectVisitor(PhantomData))
}

/// Reads an object that is known not to be `null`.
pub fn read_present_object<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: ReadFields,
    D: Deserializer<'de>,
{
    from.deserialize_map(ObjectVisitor(PhantomData))
}

/// Writes an object.
pub fn write_object<T: WriteFields, S: Serializer>(object: &T, to: S) -> Result<S::Ok, S::Error> {
    let mut writer = FieldWriter(to.serialize_map(None)?);
    object.write_fields(&mut writer)?;
    writer.0.end()
}

/// Stands for a secret in debug output: whether it is set is no secret.
pub fn redacted<T: Write>(secret: &T) -> impl fmt::Debug + use<T> {
    struct Redacted(bool);

    impl fmt::Debug for Redacted {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(if self.0 { "[redacted]" } else { "None" })
        }
    }

    Redacted(secret.is_set())
}

/// Reads what is made of a text, without a copy of it; `null` gives that of the empty text.
pub fn read_text<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: for<'t> From<&'t str>,
    D: Deserializer<'de>,
{
    from.deserialize_option(TextVisitor(PhantomData))
}

/// The same for what is known not to be `null`.
pub fn read_present_text<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: for<'t> From<&'t str>,
    D: Deserializer<'de>,
{
    from.deserialize_str(TextVisitor(PhantomData))
}

/// Makes an object readable, by [`Read`] and by serde.
#[doc(hidden)]
#[macro_export]
macro_rules! readable {
    ($name:ident) => {
        impl $crate::wire::Read for $name {
            fn read<'de, D: $crate::wire::serde::Deserializer<'de>>(
                from: D,
            ) -> Result<Self, D::Error> {
                $crate::wire::read_object(from)
            }

            fn read_present<'de, D: $crate::wire::serde::Deserializer<'de>>(
                from: D,
            ) -> Result<Self, D::Error> {
                $crate::wire::read_present_object(from)
            }
        }

        impl<'de> $crate::wire::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::wire::serde::Deserializer<'de>>(
                from: D,
            ) -> Result<Self, D::Error> {
                $crate::wire::read_object(from)
            }
        }
    };
}

/// Makes an object writable, by [`Write`] and by serde.
#[doc(hidden)]
#[macro_export]
macro_rules! writable {
    ($name:ident) => {
        impl $crate::wire::Write for $name {
            fn write<S: $crate::wire::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                $crate::wire::write_object(self, to)
            }
        }

        impl $crate::wire::serde::Serialize for $name {
            fn serialize<S: $crate::wire::serde::Serializer>(
                &self,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                $crate::wire::write_object(self, to)
            }
        }
    };
}

/// What every enum of texts has, given its `as_str` and `From<&str>`.
#[doc(hidden)]
#[macro_export]
macro_rules! text_enum {
    ($name:ident) => {
        impl ::std::default::Default for $name {
            fn default() -> Self {
                Self::from("")
            }
        }

        impl ::std::convert::From<::std::string::String> for $name {
            fn from(text: ::std::string::String) -> Self {
                Self::from(text.as_str())
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::QueryValue for $name {
            fn each(&self, add: &mut dyn FnMut(&str)) {
                add(self.as_str());
            }
        }
    };
}

/// Makes an enum of texts readable.
#[doc(hidden)]
#[macro_export]
macro_rules! readable_text {
    ($name:ident) => {
        impl $crate::wire::Read for $name {
            const IS_TEXT: bool = true;

            fn read<'de, D: $crate::wire::serde::Deserializer<'de>>(
                from: D,
            ) -> Result<Self, D::Error> {
                $crate::wire::read_text(from)
            }

            fn read_present<'de, D: $crate::wire::serde::Deserializer<'de>>(
                from: D,
            ) -> Result<Self, D::Error> {
                $crate::wire::read_present_text(from)
            }
        }

        impl<'de> $crate::wire::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::wire::serde::Deserializer<'de>>(
                from: D,
            ) -> Result<Self, D::Error> {
                $crate::wire::read_text(from)
            }
        }
    };
}

/// Makes an enum of texts writable.
#[doc(hidden)]
#[macro_export]
macro_rules! writable_text {
    ($name:ident) => {
        impl $crate::wire::Write for $name {
            fn write<S: $crate::wire::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl $crate::wire::serde::Serialize for $name {
            fn serialize<S: $crate::wire::serde::Serializer>(
                &self,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    };
}

/// What every enum of integers has, given its `value` and `From<i64>`.
#[doc(hidden)]
#[macro_export]
macro_rules! integer_enum {
    ($name:ident) => {
        impl ::std::default::Default for $name {
            fn default() -> Self {
                Self::from(0)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.value(), f)
            }
        }
    };
}

/// Makes an enum of integers readable, given its `From<i64>`.
#[doc(hidden)]
#[macro_export]
macro_rules! readable_integer {
    ($name:ident) => {
        impl $crate::wire::Read for $name {
            fn read<'de, D: $crate::wire::serde::Deserializer<'de>>(
                from: D,
            ) -> Result<Self, D::Error> {
                <i64 as $crate::wire::Read>::read(from).map(Self::from)
            }
        }

        impl<'de> $crate::wire::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::wire::serde::Deserializer<'de>>(
                from: D,
            ) -> Result<Self, D::Error> {
                $crate::wire::Read::read(from)
            }
        }
    };
}

/// Makes an enum of integers writable, given its `value`.
#[doc(hidden)]
#[macro_export]
macro_rules! writable_integer {
    ($name:ident) => {
        impl $crate::wire::Write for $name {
            fn write<S: $crate::wire::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_i64(self.value())
            }
        }

        impl $crate::wire::serde::Serialize for $name {
            fn serialize<S: $crate::wire::serde::Serializer>(
                &self,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                to.serialize_i64(self.value())
            }
        }
    };
}

/// Lets a [`Write`] value be handed to serde.
#[derive(Debug)]
pub struct Wire<'a, T>(pub &'a T);

impl<T: Write> Serialize for Wire<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.write(to)
    }
}

/// Lets a [`Read`] value be taken out of serde's collections.
struct Seed<T>(PhantomData<T>);

impl<'de, T: Read> DeserializeSeed<'de> for Seed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        T::read(from)
    }
}

struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    // The rule, as answers are read from memory and names have nothing to be unescaped.
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: ReadFields> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_none<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        from.deserialize_map(self)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<T, M::Error> {
        let mut object = T::default();
        while let Some(name) = map.next_key_seed(NameSeed)? {
            object.read_field(&name, FieldValue(&mut map))?;
        }
        Ok(object)
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<'de, T: for<'t> From<&'t str>> Visitor<'de> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_none<E>(self) -> Result<T, E> {
        Ok(T::from(""))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::from(""))
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        from.deserialize_str(self)
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::from(text))
    }
}

impl<T: Read> Read for Option<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OptionVisitor<T>(PhantomData<T>);

        impl<'de, T: Read> Visitor<'de> for OptionVisitor<T> {
            type Value = Option<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or null")
            }

            fn visit_none<E>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
                T::read_present(from).map(Some)
            }
        }

        from.deserialize_option(OptionVisitor(PhantomData))
    }
}

impl<T: Write> Write for Option<T> {
    fn is_set(&self) -> bool {
        self.is_some()
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write(to),
            None => to.serialize_none(),
        }
    }
}

impl<T: Read> Read for Box<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::read(from).map(Box::new)
    }
}

impl<T: Write> Write for Box<T> {
    fn is_set(&self) -> bool {
        self.as_ref().is_set()
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.as_ref().write(to)
    }
}

impl<T: Read> Read for Vec<T> {
    /// Reads a list. `null` is the empty list; a lone text is a list of one, as engines other than Docker's
    /// and old versions of Docker's write commands.
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);

        impl<'de, T: Read> Visitor<'de> for ListVisitor<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_none<E>(self) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }

            fn visit_unit<E>(self) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }

            fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Vec<T>, D::Error> {
                if T::IS_TEXT {
                    from.deserialize_any(self)
                } else {
                    from.deserialize_seq(self)
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
                Ok(vec![T::read(de::value::StrDeserializer::new(text))?])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element_seed(Seed(PhantomData))? {
                    list.push(item);
                }
                Ok(list)
            }
        }

        from.deserialize_option(ListVisitor(PhantomData))
    }
}

impl<T: Write> Write for Vec<T> {
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.len()))?;
        for item in self {
            list.serialize_element(&Wire(item))?;
        }
        list.end()
    }
}

/// Reads a map, `null` being an empty one, and puts each entry where `T` keeps it.
fn read_entries<'de, V: Read, T: Default, D: Deserializer<'de>>(
    from: D,
    insert: fn(&mut T, String, V),
) -> Result<T, D::Error> {
    struct MapVisitor<V, T>(fn(&mut T, String, V));

    impl<'de, V: Read, T: Default> Visitor<'de> for MapVisitor<V, T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_none<E>(self) -> Result<T, E> {
            Ok(T::default())
        }

        fn visit_unit<E>(self) -> Result<T, E> {
            Ok(T::default())
        }

        fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
            from.deserialize_map(self)
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<T, M::Error> {
            let mut entries = T::default();
            while let Some(name) = map.next_key::<String>()? {
                (self.0)(&mut entries, name, map.next_value_seed(Seed(PhantomData))?);
            }
            Ok(entries)
        }
    }

    from.deserialize_option(MapVisitor(insert))
}

impl<V: Read> Read for BTreeMap<String, V> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read_entries(from, |map: &mut Self, name, value| {
            map.insert(name, value);
        })
    }
}

impl<V: Write> Write for BTreeMap<String, V> {
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter().map(|(name, value)| (name, Wire(value))))
    }
}

/// A set: the Engine API writes it as an object whose values are empty objects.
impl Read for BTreeSet<String> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read_entries(from, |set: &mut Self, name, Nothing| {
            set.insert(name);
        })
    }
}

impl Write for BTreeSet<String> {
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter().map(|name| (name, Wire(&Nothing))))
    }
}

/// The `{}` behind each name of a set.
struct Nothing;

impl Read for Nothing {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_ignored_any(IgnoredAny).map(|_| Self)
    }
}

impl Write for Nothing {
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_map(Some(0))?.end()
    }
}

macro_rules! scalar {
    ($($type:ty = $is_text:literal),*) => {$(
        impl Read for $type {
            const IS_TEXT: bool = $is_text;

            fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let value: Option<$type> = serde::Deserialize::deserialize(from)?;
                Ok(value.unwrap_or_default())
            }

            fn read_present<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(from)
            }
        }

        impl Write for $type {
            fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                self.serialize(to)
            }
        }
    )*};
}

scalar!(
    String = true,
    bool = false,
    i8 = false,
    i16 = false,
    i32 = false,
    i64 = false,
    u8 = false,
    u16 = false,
    u32 = false,
    u64 = false,
    f64 = false
);

/// Types of this crate that read `null` themselves.
macro_rules! by_serde {
    ($($type:ty),*) => {$(
        impl Read for $type {
            fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(from)
            }
        }

        impl Write for $type {
            fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                self.serialize(to)
            }
        }
    )*};
}

by_serde!(crate::Json, crate::Timestamp, crate::Base64Bytes);
